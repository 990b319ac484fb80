"""LocalStack: S3 and the other AWS services that a pipeline needs, in a Python environment of its own."""

import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from windtunnel.install.environments import environment as make_environment
from windtunnel.install.environments import environment_root, python_of
from windtunnel.install.progress import Progress
from windtunnel.stack.ask import ask
from windtunnel.stack.service import Service

NAME = "localstack"
PYTHON = "3.13"
HOOKS = Path("localstack-init") / "ready.d"
"""Where a project keeps what LocalStack runs once it is ready."""
READY = "/_localstack/init/ready"
"""What it tells of those scripts."""
_PACKAGE = Path(str(files("windtunnel")))
RECORDER = {
    "start.d/record_calls.py": _PACKAGE / "stack" / "environments" / NAME / "record_calls.py",
    "windtunnel/calls.py": _PACKAGE / "aws" / "calls.py",
}
"""What records calls: where LocalStack's init folder has it, and where windtunnel does."""


def install(*, cache: Path, progress: Progress) -> Path:
    """The interpreter of LocalStack's environment, installed when missing. Raises InstallError."""
    return python_of(make_environment(NAME, python=PYTHON, lock=_lock(), cache=cache, progress=progress))


def localstack_service(
    *, project: Path, state: Path, cache: Path, host: str, port: int, url: str, environment: Mapping[str, str]
) -> Service:
    """LocalStack on `host`:`port`, having run the hooks of `project`, which see `environment` too.

    `url` is where a client on this machine calls it.

    It keeps S3 in memory, so it is not started again when it dies: an empty S3 would look like a healthy one.
    """
    folder = state / NAME
    python = python_of(environment_root(NAME, python=PYTHON, lock=_lock(), cache=cache))
    return Service(
        name=NAME,
        # Without localstack-supervisor, which would be one more process between the signals and it.
        command=(str(python), "-P", str(_file("start.py")), host, str(folder / "s3")),
        environment=_environment(environment, folder, host, port, url),
        directory=folder,
        healthy=lambda: _healthy(url),
        failure=lambda: failure(url),
        prepare=lambda _: _prepare(project, folder),
        port=port,
        port_setting="WINDTUNNEL_LOCALSTACK_PORT",
        restart=False,
        start_seconds=180,
        links={"LocalStack": url},
    )


def _lock() -> Path:
    return _file("lock.txt")


def _file(name: str) -> Path:
    return Path(str(files("windtunnel.stack") / "environments" / NAME / name))


def _environment(given: Mapping[str, str], folder: Path, host: str, port: int, url: str) -> dict[str, str]:
    return {
        **{name: value for name, value in given.items() if name != "TMPDIR"},
        "GATEWAY_LISTEN": f"{host}:{port}",
        # What URLs in its answers begin with; the default is a name that only the internet resolves.
        "LOCALSTACK_HOST": url.removeprefix("http://"),
        "SQS_ENDPOINT_STRATEGY": "path",
        "FILESYSTEM_ROOT": str(folder / "root"),
        # In a container (a devcontainer, CI) it would else look for its hooks where its own image has them.
        "OVERRIDE_IN_DOCKER": "0",
        # Where Python makes temporary files; LocalStack has a meaning of its own for TMPDIR.
        "TEMP": str(folder / "tmp"),
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "PYTHONUNBUFFERED": "1",
    }


def _prepare(project: Path, folder: Path) -> None:
    # What it kept is of no use to the next start: S3 is made anew by the hooks.
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    stages = folder / "root" / "etc" / "localstack" / "init"
    stages.mkdir(parents=True)
    (stages / "ready.d").symlink_to(project.resolve() / HOOKS, target_is_directory=True)
    for place, file in RECORDER.items():
        (stages / place).parent.mkdir()
        (stages / place).symlink_to(file)


def _healthy(url: str) -> bool:
    stage = ask(url + READY)
    return stage.get("completed") is True and not _failed_hooks(stage)


def failure(url: str) -> str | None:
    """Why it will never be healthy: a hook failed."""
    failed = _failed_hooks(ask(url + READY))
    if not failed:
        return None
    return (
        f"could not run {' and '.join(str(HOOKS / name) for name in failed)} to the end, so what that puts there "
        f"is missing (its log says why after `Error while running script`)"
    )


def _failed_hooks(stage: Mapping[str, Any]) -> list[str]:
    # One that ended itself by sys.exit is left as RUNNING.
    if stage.get("completed") is not True:
        return []
    return [Path(s["name"]).name for s in stage.get("scripts", []) if s["state"] != "SUCCESSFUL"]
