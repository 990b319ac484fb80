"""`windtunnel test-e2e`"""

import os

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.cli.test import PYTEST_CONTEXT, TARGET, run_tests
from windtunnel.stack.settings import Settings

CONTEXT = PYTEST_CONTEXT


@with_settings
def main(settings: Settings, context: typer.Context) -> None:
    """Runs pytest on the project's folder tests/e2e; what else is given goes to pytest.

    With WINDTUNNEL_E2E_TARGET=aws and the deployed environment's name in WINDTUNNEL_E2E_NAME the tests of the pipeline
    run it there, with the account that the shell is set up for.
    """
    run_tests(settings, "tests/e2e", context.args, with_account=os.environ.get(TARGET) == "aws")
