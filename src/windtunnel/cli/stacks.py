"""The stack that the settings name."""

from windtunnel.install.progress import Progress
from windtunnel.stack.settings import Settings
from windtunnel.stack.stack import Stack


def stack_of(settings: Settings) -> Stack:
    """The project's stack, native or Docker's."""
    if settings.stack == "docker":
        return _docker(settings)
    return _native(settings)


def stacks_of(settings: Settings) -> list[Stack]:
    """That stack, and the other one when it has left something in the state folder."""
    from windtunnel.stack.docker.stack import has_state

    if settings.stack == "docker":
        return [_docker(settings), _native(settings)]
    return [_native(settings), *([_docker(settings)] if has_state(settings) else [])]


def other_stack(settings: Settings) -> str:
    """The sentence for a Docker stack that is up where the native one is asked for; empty: all is as it should be."""
    from windtunnel.stack.docker.stack import is_kept_up

    if settings.stack != "native" or not is_kept_up(settings):
        return ""
    return (
        "This project's Docker stack is up. Say STACK=docker to go on with it, or `make down` before you take the "
        "native stack."
    )


def _docker(settings: Settings) -> Stack:
    from windtunnel.stack.docker.stack import DockerStack

    return DockerStack(settings)


def _native(settings: Settings) -> Stack:
    from windtunnel.stack.native import NativeStack

    def set_up(progress: Progress) -> None:
        # It brings in all of EMR and Hadoop, which a stack that is up has no need of.
        from windtunnel.cli.set_up import set_up as install

        install(settings, progress)

    def end_clusters() -> None:
        # Only when the EMR service was killed: a usual end needs nothing of it.
        from windtunnel.cli.serve import alone, emr_config
        from windtunnel.emr.service import stop_clusters

        config = emr_config(settings)
        if config.database.exists():
            with alone(config):
                stop_clusters(config)

    return NativeStack(settings, set_up, end_clusters)
