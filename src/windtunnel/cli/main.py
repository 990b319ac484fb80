"""The command `windtunnel`."""

import os
import sys
from contextlib import suppress
from importlib import import_module
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from windtunnel.install.errors import InstallError
from windtunnel.stack.errors import StackError

COMMANDS = {
    "up": "Set up what is missing and start the stack; no-op when it is up",
    "down": "Stop the stack; the history of EMR and Airflow stays",
    "status": "Show the services, live EMR clusters and their web pages",
    "logs": "Show the logs of one service or of all, and follow them if asked to",
    "run": "Run the pipeline and print its result; starts the stack",
    "check": "Tell what of the project would fail on AWS: DAGs, requirements, options, endpoints",
    "deploy": "Deploy the project to AWS, or to LocalStack with --local; shows its plan and asks first",
    "destroy": "Remove from AWS what `deploy` has made; shows it and asks first",
    "test": "Run all tests",
    "test-unit": "Run the unit tests",
    "test-e2e": "Run the end-to-end tests",
    "soak": "Run the tests that take long: older releases, long drills",
    "bench": "Run the project's benchmarks",
    "env": 'Print the variables of the stack: eval "$(windtunnel env)"',
    "clean": "Stop the stack and remove its state: history, logs, databases",
    "serve": "Run only the EMR service, in the foreground",
    "help": "Show this list, or the help of one command",
}


class Commands(TyperGroup):
    """Imports a command's module only when that command is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in COMMANDS else command, rest


app = typer.Typer(
    cls=Commands,
    help="MWAA's Airflow, an Amazon EMR that really executes its steps, and LocalStack, on your own machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _listed() -> None:
    """Stands in the list of commands until the command is called."""


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help)(_listed)


def load(name: str) -> Any:
    """The command `name`, made of `main` in the module of its name."""
    module = import_module(f"windtunnel.cli.{name.replace('-', '_')}")
    one = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    settings = getattr(module, "CONTEXT", {})
    details = cleandoc(module.main.__doc__ or "")
    help_text = f"{COMMANDS[name]}.\n\n{details}"
    one.command(name, help=help_text, context_settings=settings)(module.main)
    return get_command(one)


def main() -> None:
    """Run the command line; what is wrong outside of windtunnel is told in a sentence."""
    code = _run()
    with suppress(OSError):  # who reads may be gone
        sys.stdout.flush()
        sys.stderr.flush()
    # At once: a set-up that failed or was interrupted may still download in its threads. It will be resumed.
    os._exit(code)


def _run() -> int:
    try:
        app(prog_name="windtunnel")
    except (StackError, InstallError, OSError) as error:
        print(f"windtunnel: {error}", file=sys.stderr)
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    main()
