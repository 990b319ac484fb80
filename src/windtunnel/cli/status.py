"""`windtunnel status`"""

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.cli.stacks import other_stack, stack_of
from windtunnel.cli.tables import print_table
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings
from windtunnel.stack.stack import ServiceStatus, live_clusters

HEADERS = ("service", "state", "pid", "port", "since", "memory")


@with_settings
def main(settings: Settings) -> None:
    """Ends with 1 when a service is down, dead or not healthy."""
    if other := other_stack(settings):
        raise StackError(other)
    stack = stack_of(settings)
    found = stack.status()
    print_table(HEADERS, [_row(status) for status in found])
    if any(status.is_well for status in found):
        print()
        for label, url in stack.links().items():
            print(f"{label:<11} {url}")
        _print_clusters(settings)
    if not all(status.is_well for status in found):
        raise typer.Exit(1)


def _row(status: ServiceStatus) -> tuple[str, ...]:
    return (
        status.name,
        status.state,
        str(status.pid or "-"),
        str(status.port or "-"),
        duration(status.uptime) if status.uptime is not None else "-",
        f"{status.memory / 1e6:.0f} MB" if status.memory else "-",
    )


def duration(seconds: float) -> str:
    """A length of time as a person would say it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _print_clusters(settings: Settings) -> None:
    clusters = live_clusters(settings)
    if clusters is None:
        print("\nThe EMR service does not answer, so its clusters are not known.")
        return
    if not clusters:
        print("\nNo live EMR cluster.")
    for cluster in clusters:
        print(f"\nEMR cluster {cluster.id} ({cluster.name}): {cluster.state}")
        for label, url in cluster.links.items():
            print(f"  {label}: {url}")
