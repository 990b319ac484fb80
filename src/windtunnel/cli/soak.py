"""`windtunnel soak`"""

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.cli.test import PYTEST_CONTEXT, run_tests
from windtunnel.stack.settings import Settings

CONTEXT = PYTEST_CONTEXT


@with_settings
def main(settings: Settings, context: typer.Context) -> None:
    """Runs pytest on the tests that are marked `soak`, one after the other; what else is given goes to pytest."""
    run_tests(settings, "tests", ["-m", "soak", "-n", "0", "--timeout", "7200", *context.args])
