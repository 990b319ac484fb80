"""`windtunnel help`"""

from typing import Annotated

import typer

from windtunnel.cli.main import COMMANDS, app, load
from windtunnel.stack.errors import StackError


def main(command: Annotated[str | None, typer.Argument(help="One command.")] = None) -> None:
    """The same as `--help`."""
    if command is None:
        app(["--help"], prog_name="windtunnel")
    elif command in COMMANDS:
        load(command)(["--help"], prog_name=f"windtunnel {command}")
    else:
        raise StackError(f"There is no command {command}. There are: {', '.join(COMMANDS)}.")
