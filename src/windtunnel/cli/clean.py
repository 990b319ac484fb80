"""`windtunnel clean`"""

import shutil

from windtunnel.cli.down import bring_down
from windtunnel.cli.flags import with_settings
from windtunnel.cli.stacks import stacks_of
from windtunnel.install.progress import terminal_progress
from windtunnel.stack.errors import StackError
from windtunnel.stack.lifecycle import is_state, lock
from windtunnel.stack.settings import Settings


@with_settings
def main(settings: Settings) -> None:
    """Downloads stay: they are the user's, shared by all projects."""
    if bring_down(settings):
        print("The stack is down.")
    for stack in stacks_of(settings):
        for line in stack.forget():
            print(f"Removed {line}.")
    if not settings.state.exists():
        print(f"There is no {settings.state}: nothing to remove.")
        return
    if not is_state(settings):
        raise StackError(f"{settings.state} is no folder that windtunnel made, so nothing of it was removed.")
    with lock(settings, terminal_progress()):
        size = sum(f.lstat().st_size for f in settings.state.rglob("*") if f.is_file())
        shutil.rmtree(settings.state)
    print(
        f"Removed {settings.state}: the history of EMR and Airflow, databases and logs, {size / 1e6:.0f} MB."
    )
    print(f"Downloads are kept in {settings.cache}, shared by every project.")
