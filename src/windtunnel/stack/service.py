"""One service of the native stack: how it starts, when it is healthy, how it stops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from windtunnel.install.progress import Progress


@dataclass(frozen=True)
class Service:
    """What the supervisor needs to know of a service.

    Durations are in seconds. `environment` is the whole environment of the process, but for
    WINDTUNNEL_HOME, which the supervisor adds for all.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    healthy: Callable[[], bool]
    """Asks the running service; False while it starts, never raises."""
    failure: Callable[[], str | None] | None = None
    """Asks a service that lives and is not healthy why it never will be, to follow its name in a sentence;
    None while it may still be."""
    after: tuple[str, ...] = ()
    """The services that must be healthy before this one starts."""
    uses: tuple[str, ...] = ()
    """The services that must still be there while this one stops, besides those in `after`."""
    prepare: Callable[[Progress], None] | None = None
    """Repeatable work before the start: folders, migrations."""
    port: int | None = None
    port_setting: str = ""
    """The variable that changes the port, for the sentence that says it is taken."""
    restart: bool = True
    """Whether the supervisor starts it again when it dies."""
    start_seconds: float = 90
    stop_seconds: float = 20
    stop_signal: str = "TERM"
    links: Mapping[str, str] = field(default_factory=dict)
    """Web pages, by what a person would call them."""
