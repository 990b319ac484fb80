"""YARN's ResourceManager: its REST API, and its own page of applications where the API fails.

Hadoop's shaded jars moved one half of JAXB to another package, so the API answers by Jackson: members are
named as the getters of the Java classes are ("nodeId" for "id"), and an application's answer breaks off
after its second member. The page /cluster/apps is whole; its table is read instead.
"""

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

NODE_RUNNING = "RUNNING"
NODES = "Hadoop:service=ResourceManager,name=RMNMInfo"
TABLE = re.compile(r"appsTableData=(\[.*?\n\])", re.DOTALL)
TAGS = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class NodeManager:
    """A NodeManager that is RUNNING: memory in MB, the time of its report in seconds since 1970."""

    id: str
    containers: int
    used_mb: int
    available_mb: int
    reported_at: float

    @classmethod
    def of(cls, row: dict[str, Any]) -> "NodeManager":
        """From the bean of the ResourceManager's nodes."""
        return cls(
            id=row["NodeId"],
            containers=row["NumContainers"],
            used_mb=row["UsedMemoryMB"],
            available_mb=row["AvailableMemoryMB"],
            reported_at=row["LastHealthUpdate"] / 1000,
        )

    @property
    def port(self) -> int:
        """Its yarn.nodemanager.address."""
        return int(self.id.rpartition(":")[2])

    @property
    def is_drained(self) -> bool:
        """Whether it has no containers, and nothing to give to any."""
        return self.containers == 0 and self.used_mb == 0 and self.available_mb <= 0


@dataclass(frozen=True)
class Application:
    """An application as YARN tells it; times in seconds since 1970, None while it lasts."""

    id: str
    name: str
    type: str
    state: str
    final_status: str
    started_at: float
    finished_at: float | None
    tracking_url: str
    """Its own web pages, by YARN's proxy: Spark's while it runs."""

    @classmethod
    def of(cls, row: Sequence[str], url: str) -> "Application":
        """From a row of the page's table, of the ResourceManager at `url`."""
        app_id = TAGS.sub("", row[0])
        return cls(
            id=app_id,
            name=row[2],
            type=row[3],
            state=row[10],
            final_status=row[11],
            started_at=int(row[7]) / 1000,
            finished_at=int(row[9]) / 1000 if int(row[9]) > 0 else None,
            tracking_url=f"{url}/proxy/{app_id}/",
        )


class ResourceManager:
    """Asks one ResourceManager; every call raises httpx.HTTPError while it is not up."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self._url = url

    def nodes(self) -> dict[int, NodeManager]:
        """The NodeManagers that are RUNNING, by port.

        By JMX: the first call of the REST API has the ResourceManager load all of JAXB, while the cluster starts.
        """
        beans = self._get(f"jmx?qry={NODES}").json()["beans"]
        rows = json.loads(beans[0]["LiveNodeManagers"]) if beans else []
        # In the instant before the scheduler knows a node, there is nothing of what it has.
        known = [row for row in rows if row["State"] == NODE_RUNNING and "NumContainers" in row]
        return {node.port: node for node in map(NodeManager.of, known)}

    def metrics(self) -> dict[str, float]:
        """The numbers of the whole cluster (`pendingMB`, `availableMB`, `containersAllocated`…)."""
        answer: dict[str, Any] = self._get("ws/v1/cluster/metrics").json()
        return {name: value for name, value in answer.items() if isinstance(value, int | float)}

    def applications(self) -> list[Application]:
        """Every application that it remembers, oldest first."""
        found = [Application.of(row, self._url) for row in rows(self._get("cluster/apps").text)]
        return sorted(found, key=lambda app: app.started_at)

    def _get(self, path: str) -> httpx.Response:
        headers = {"Accept": "application/json, text/html"}
        return self._client.get(f"{self._url}/{path}", headers=headers).raise_for_status()


def rows(page: str) -> list[list[str]]:
    """The table of applications in the page, cell by cell; the cells hold HTML."""
    table = TABLE.search(page)
    found: list[Any] = json.loads(table[1].replace("\\'", "'")) if table else []
    return [[html.unescape(cell) for cell in row] for row in found]
