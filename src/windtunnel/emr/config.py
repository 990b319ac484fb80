"""What the service needs to know of its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from windtunnel.install import machine

MASTER_AND_ONE = 2
MASTER_AND_FOUR = 5
NODE_BYTES = 384 << 20
"""What a node's daemons take: two, of about 190 MB each."""
JOB_BYTES = 3 << 30
"""What is left for one job: a driver may have a heap of 2 GiB, and its executor fills 1 GiB soon."""


def default_executors() -> int:
    """One four-core executor (what EMR gives an m5.xlarge) for every four cores that there are."""
    return max(1, machine.cores() // 4)


def default_nodes() -> int:
    """A master and four workers, and one worker more for every 4 GiB of memory above 16.

    Where a job would have no room beside so many (below 4.9 GiB), as many as leave it some: a node less costs it
    nothing but its parallelism, a kernel that is out of memory kills it. One worker there always is.
    """
    memory = machine.memory()
    fitting = max(MASTER_AND_ONE, (memory - JOB_BYTES) // NODE_BYTES)
    return min(MASTER_AND_FOUR, fitting) + max(0, (memory - (16 << 30)) // (4 << 30))


@dataclass(frozen=True)
class EmrConfig:
    """Where Amazon EMR keeps its state and what it may use of this machine."""

    state: Path
    """Its own folder: the store and a folder a cluster."""
    cache: Path
    """Downloads, shared by all checkouts."""
    host: str = "127.0.0.1"
    port: int = 4570
    allowed_hosts: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """What steps and daemons get: endpoints, region and keys as AWS's SDKs read them, and WINDTUNNEL_HOME."""
    service_environment: Mapping[str, str] = field(default_factory=dict)
    """What the service itself calls AWS with, to keep logs: a region and keys of its own."""
    max_nodes: int = field(default_factory=default_nodes)
    """Nodes of one cluster, its master counted, that may have processes."""
    max_executors: int = field(default_factory=default_executors)
    """Executors that dynamic allocation may ask for at once."""
    system_commands_warn: bool = False
    """Whether `yum`, `systemctl` and the like succeed with a warning in bootstrap actions and steps."""

    spare_seconds: int = 0
    """How long a spare waits for an heir after a cluster has ended; 0: there is none."""
    web_ports: range = range(0)
    """Where the daemons' web pages listen, as long as it has free ones; empty: wherever there is room."""

    @property
    def s3_endpoint(self) -> str:
        """The URL of S3, as the SDKs find it. Empty: AWS's own."""
        return self.environment.get("AWS_ENDPOINT_URL_S3") or self.environment.get("AWS_ENDPOINT_URL") or ""

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.state / "emr.sqlite"
