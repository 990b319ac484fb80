"""`windtunnel bench`"""

import subprocess
import sys

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.stack.environment import client_environment
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


@with_settings
def main(settings: Settings, context: typer.Context) -> None:
    """Runs `python -m bench` in the project; what else is given goes to it."""
    if not (settings.home / "bench" / "__main__.py").is_file():
        raise StackError(f"{settings.home} has no bench/__main__.py, which is what `bench` runs.")
    command = [sys.executable, "-m", "bench", *context.args]
    done = subprocess.run(command, cwd=settings.home, env=client_environment(settings), check=False)
    raise typer.Exit(done.returncode)
