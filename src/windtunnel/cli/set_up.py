"""What a stack needs installed, from every room."""

from windtunnel.emr.catalogue.releases import find_release, runnable_labels
from windtunnel.hadoop.distribution import install as install_distribution
from windtunnel.install.progress import Progress
from windtunnel.stack import native
from windtunnel.stack.settings import Settings


def set_up(settings: Settings, progress: Progress) -> None:
    """Install what is missing: the services, and the newest EMR release that runs here. Raises InstallError."""

    def newest_release() -> None:
        if release := find_release(runnable_labels()[0]):
            install_distribution(release.versions, settings.cache, progress)

    native.install(settings, progress, newest_release)
