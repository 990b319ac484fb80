"""What a stack needs installed, from every room."""

import sys
from functools import partial

from windtunnel.emr.catalogue.releases import find_release, runnable_labels
from windtunnel.hadoop.distribution import install as install_distribution
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import Progress, terminal_progress
from windtunnel.stack import native
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings, load_settings


def set_up(settings: Settings, progress: Progress) -> None:
    """Install what is missing: the services, and the newest EMR release that runs here. Raises InstallError."""
    native.install(settings, progress, partial(newest_release, settings, progress))


def newest_release(settings: Settings, progress: Progress) -> None:
    """Install what the newest EMR release that runs here needs and is missing. Raises InstallError."""
    if release := find_release(runnable_labels()[0]):
        install_distribution(release.versions, settings.cache, progress)


def main() -> None:
    """`python -m windtunnel.cli.set_up`: what the EMR service's container runs before its first start."""
    try:
        newest_release(load_settings(), terminal_progress())
    except (InstallError, StackError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
