"""`windtunnel logs`"""

import difflib
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.cli.stacks import stack_of
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)


@with_settings
def main(
    settings: Settings,
    service: Annotated[str | None, typer.Argument(help="One service; all when left out.")] = None,
    going_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many lines of each.")] = 20,
) -> None:
    """Rotated logs and restarts are followed. The logs of EMR's steps are in S3, those of tasks in Airflow."""
    stack = stack_of(settings)
    known = list(stack.logs())
    names = known if service is None else [_named(service, known)]
    prefixes = _prefixes(names)
    for name in names:
        _print(prefixes[name], stack.tail(name, lines))
    if going_on:
        for name, line in stack.follow(names):
            _print(prefixes[name], [line])


def _named(service: str, known: list[str]) -> str:
    if service in known:
        return service
    near = difflib.get_close_matches(service, known, n=1) or [name for name in known if service in name]
    hint = f" Did you mean {near[0]}?" if near else ""
    raise StackError(f"There is no service {service}.{hint} There are: {', '.join(known)}.")


def _prefixes(names: list[str]) -> dict[str, str]:
    """What stands before a line of each service; nothing when there is only one."""
    if len(names) == 1:
        return {names[0]: ""}
    width = max(map(len, names))
    if not sys.stdout.isatty():
        return {name: f"{name:<{width}} | " for name in names}
    paint = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    return {name: f"\033[{paint[name]}m{name:<{width}} |\033[0m " for name in names}


def _print(prefix: str, lines: Iterable[str]) -> None:
    for line in lines:
        print(f"{prefix}{line}", flush=True)
