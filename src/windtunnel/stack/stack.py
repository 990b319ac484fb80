"""What every stack is, whatever runs its services."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from windtunnel.install.progress import Progress
from windtunnel.stack.ask import ask
from windtunnel.stack.settings import Settings


@dataclass(frozen=True)
class ServiceStatus:
    """One service: `uptime` is in seconds, `memory` in bytes (what only it uses and its share of the rest)."""

    name: str
    state: str
    is_well: bool
    pid: int | None
    port: int | None
    uptime: float | None
    memory: int | None


class Watch(Protocol):
    """Whether the services that were there at the start still are."""

    def restarted(self) -> list[str]:
        """The services that died since the last call and run again."""

    def lost(self) -> str:
        """The sentence for a service that is gone and stays gone; empty when all is well."""

    def log_of_dags(self) -> str:
        """Where the log of the process that reads the DAGs' files is."""


class Stack(Protocol):
    """The services of one project. Every call raises StackError with a sentence that says what to do."""

    def up(self, progress: Progress) -> bool:
        """Have every service run, healthy and with the settings of now; False when nothing was to be done."""

    def down(self, progress: Progress) -> int:
        """Stop everything; how many services were running. History and logs stay."""

    def forget(self) -> list[str]:
        """Remove what a stack that is down keeps outside of the state folder; what that was, in words."""

    def links(self) -> Mapping[str, str]:
        """Web pages, by what a person would call them."""

    def status(self) -> list[ServiceStatus]:
        """Every service that there should be, and what was started and should not be."""

    def logs(self) -> Sequence[str]:
        """What has a log."""

    def tail(self, name: str, count: int) -> list[str]:
        """The last lines of one of `logs()`."""

    def follow(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """`(name, line)` of everything that is written to these from now on."""

    def watch(self) -> Watch: ...


@dataclass(frozen=True)
class LiveCluster:
    """A cluster that is up, and the web pages of its daemons by name."""

    id: str
    name: str
    state: str
    reason: str
    links: Mapping[str, str]


def live_clusters(settings: Settings) -> list[LiveCluster] | None:
    """The clusters that the EMR service has up; None when it does not answer."""
    found = ask(f"{settings.emr_url}/_windtunnel/clusters").get("clusters")
    return None if found is None else [LiveCluster(**cluster) for cluster in found]
