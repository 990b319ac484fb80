"""HDFS's NameNode, by WebHDFS and its JMX page."""

import json
from dataclasses import dataclass

import httpx

USER = "hadoop"
"""Who runs everything, whatever the user of this machine; HDFS's superuser."""
FIRST_CALL_SECONDS = 30.0  # WebHDFS loads its web framework at its first call
DECOMMISSIONED = "Decommissioned"
INFO = "Hadoop:service=NameNode,name=NameNodeInfo"


@dataclass(frozen=True)
class NameNodeInfo:
    safe_mode: bool
    data_nodes: frozenset[int]
    """The ports (dfs.datanode.address) of the live DataNodes."""
    decommissioned: frozenset[int]
    """Of those, the ones whose blocks are all elsewhere, as was asked."""


class NameNode:
    """Asks one NameNode; every call raises httpx.HTTPError while it is not up."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self._url = url

    def info(self) -> NameNodeInfo | None:
        """Safe mode and DataNodes; None in the instant before the NameNode has published them."""
        response = self._client.get(f"{self._url}/jmx", params={"qry": INFO})
        beans = response.raise_for_status().json()["beans"]
        if not beans:
            return None
        live = json.loads(beans[0]["LiveNodes"]).values()
        states = {int(node["xferaddr"].rpartition(":")[2]): node["adminState"] for node in live}
        return NameNodeInfo(
            safe_mode=bool(beans[0]["Safemode"]),
            data_nodes=frozenset(states),
            decommissioned=frozenset(port for port, state in states.items() if state == DECOMMISSIONED),
        )

    def make_directory(self, path: str, permission: str) -> bool:
        """Make an absolute path and its parents; `permission` is octal. Repeatable.

        False while the NameNode does not answer or is in safe mode.
        """
        try:
            for operation in ("MKDIRS", "SETPERMISSION"):
                self._client.put(
                    f"{self._url}/webhdfs/v1{path}",
                    params={"op": operation, "permission": permission, "user.name": USER},
                    timeout=FIRST_CALL_SECONDS,
                ).raise_for_status()
        except httpx.HTTPError:
            return False
        return True
