"""`windtunnel clean`"""

from windtunnel.cli.down import bring_down
from windtunnel.cli.flags import with_settings
from windtunnel.cli.stacks import stacks_of
from windtunnel.install.progress import terminal_progress
from windtunnel.stack.settings import Settings


@with_settings
def main(settings: Settings) -> None:
    """Downloads stay: they are the user's, shared by all projects."""
    # Before anything of the state folder is gone, which tells what there is.
    stacks = stacks_of(settings)
    if bring_down(settings):
        print("The stack is down.")
    removed = [line for stack in stacks for line in stack.remove(terminal_progress())]
    if not removed:
        print(f"There is no {settings.state}: nothing to remove.")
        return
    for line in removed:
        print(f"Removed {line}.")
    print(f"Downloads are kept in {settings.cache}, shared by every project.")
