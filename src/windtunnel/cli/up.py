"""`windtunnel up`"""

from windtunnel.cli.flags import with_settings
from windtunnel.install.progress import Progress, terminal_progress
from windtunnel.stack import native
from windtunnel.stack.lifecycle import up
from windtunnel.stack.settings import Settings


@with_settings
def main(settings: Settings) -> None:
    """When a service does not start, or Ctrl-C is pressed, what was started is stopped again."""
    bring_up(settings)
    print(
        "Next: `make run` runs the pipeline, `make logs FOLLOW=1` shows what happens, `make down` stops everything."
    )


def bring_up(settings: Settings) -> None:
    """Have the stack up, and say where everything is."""
    services = native.services(settings)

    def set_up(progress: Progress) -> None:
        # It brings in all of EMR and Hadoop, which a stack that is up has no need of.
        from windtunnel.cli.set_up import set_up as install

        install(settings, progress)

    began = up(settings, services, set_up, terminal_progress())
    print("The stack is up:" if began else "The stack was up already:")
    for service in services:
        for label, url in service.links.items():
            print(f"  {label:<11} {url}")
