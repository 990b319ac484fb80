"""`windtunnel up`"""

from windtunnel.cli.flags import with_settings
from windtunnel.cli.stacks import other_stack, stack_of
from windtunnel.install.progress import terminal_progress
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings
from windtunnel.stack.stack import Stack


@with_settings
def main(settings: Settings) -> None:
    """When a service does not start, or Ctrl-C is pressed, what was started is stopped again."""
    bring_up(settings)
    of = " STACK=docker" if settings.stack == "docker" else ""
    print(
        f"Next: `make run{of}` runs the pipeline, `make logs{of} FOLLOW=1` shows what happens, "
        f"`make down` stops everything."
    )


def bring_up(settings: Settings) -> Stack:
    """Have the stack up, and say where everything is."""
    if other := other_stack(settings):
        raise StackError(other)
    stack = stack_of(settings)
    began = stack.up(terminal_progress())
    print("The stack is up:" if began else "The stack was up already:")
    for label, url in stack.links().items():
        print(f"  {label:<11} {url}")
    return stack
