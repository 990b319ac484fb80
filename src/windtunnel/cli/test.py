"""`windtunnel test`"""

import importlib.util
import os
import subprocess
import sys

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.stack.environment import accountless_environment
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings, variable

PYTEST_CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}
"""What is not known here is pytest's."""
CONTEXT = PYTEST_CONTEXT
TARGET = "WINDTUNNEL_E2E_TARGET"
"""What the end-to-end tests run on when it is `aws`: a deployed environment, not a stack of their own."""


@with_settings
def main(settings: Settings, context: typer.Context) -> None:
    """Runs pytest on the project's folder tests/; what else is given goes to pytest: `test -k name -x`."""
    run_tests(settings, "tests", context.args)


def run_tests(settings: Settings, folder: str, arguments: list[str], with_account: bool = False) -> None:
    """Run pytest on a folder of the project and end as it does. No test sees the user's AWS account unless asked to."""
    if not (settings.home / folder).is_dir():
        raise StackError(f"{settings.home} has no folder {folder}, so there is nothing to test.")
    if not importlib.util.find_spec("pytest"):
        raise StackError(f"pytest is not installed for {sys.executable}: install it beside windtunnel.")
    command = [sys.executable, "-m", "pytest", folder, *arguments]
    if with_account:
        environment = dict(os.environ)
    else:
        environment = accountless_environment() | {variable("stack"): settings.stack}
        if environment.get(TARGET) == "aws":
            del environment[TARGET]
    done = subprocess.run(command, cwd=settings.home, env=environment, check=False)
    raise typer.Exit(done.returncode)
