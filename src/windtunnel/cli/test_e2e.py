"""`windtunnel test-e2e`"""

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.cli.test import PYTEST_CONTEXT, run_tests
from windtunnel.stack.settings import Settings

CONTEXT = PYTEST_CONTEXT


@with_settings
def main(settings: Settings, context: typer.Context) -> None:
    """Runs pytest on the project's folder tests/e2e; what else is given goes to pytest."""
    run_tests(settings, "tests/e2e", context.args)
