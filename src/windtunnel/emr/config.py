"""What the service needs to know of its place."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MASTER_AND_FOUR = 5


def _default_executors() -> int:
    """One four-core executor (what EMR gives an m5.xlarge) for every four cores of this machine."""
    return max(1, (os.cpu_count() or 1) // 4)


def _default_nodes() -> int:
    """A master and four workers, and one worker more for every 4 GiB of memory above 16."""
    return MASTER_AND_FOUR + max(0, (psutil.virtual_memory().total - (16 << 30)) // (4 << 30))


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
    max_nodes: int = field(default_factory=_default_nodes)
    """Nodes of one cluster, its master counted, that may have processes."""
    max_executors: int = field(default_factory=_default_executors)
    """Executors that dynamic allocation may ask for at once."""
    system_commands_warn: bool = False
    """Whether `yum`, `systemctl` and the like succeed with a warning in bootstrap actions and steps."""

    spare_seconds: int = 0
    """How long a spare waits for an heir after a cluster has ended; 0: there is none."""

    @property
    def s3_endpoint(self) -> str:
        """The URL of S3, as the SDKs find it. Empty: AWS's own."""
        return self.environment.get("AWS_ENDPOINT_URL_S3") or self.environment.get("AWS_ENDPOINT_URL") or ""

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.state / "emr.sqlite"
