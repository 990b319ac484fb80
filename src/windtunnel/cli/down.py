"""`windtunnel down`"""

from windtunnel.cli.flags import with_settings
from windtunnel.cli.stacks import stacks_of
from windtunnel.install.progress import terminal_progress
from windtunnel.stack.settings import Settings


@with_settings
def main(settings: Settings) -> None:
    """Live EMR clusters are terminated. The history of EMR and Airflow is there again after the next start;
    S3 is not, since LocalStack keeps it in memory.
    """
    stopped = bring_down(settings)
    print("The stack is down." if stopped else "Nothing was running.")


def bring_down(settings: Settings) -> int:
    """Stop everything, whatever runs it; how many services were running."""
    progress = terminal_progress()
    return sum(stack.down(progress) for stack in stacks_of(settings))
