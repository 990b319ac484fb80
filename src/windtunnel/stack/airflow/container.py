"""Becomes one container of Airflow, as Amazon MWAA's own image does it.

    python -I -m windtunnel.stack.airflow.container webserver|scheduler|worker|migrate-db|hybrid

It runs on the image's own Python, beside Airflow's environment: nothing but the standard library and uv is imported.
"""

import os
import sys
from collections.abc import Mapping

from windtunnel.install.environments import python_of
from windtunnel.install.errors import InstallError
from windtunnel.install.files import locked
from windtunnel.install.progress import PlainProgress
from windtunnel.stack.airflow.database import migrate
from windtunnel.stack.airflow.mwaa import COMMANDS, HOME, VISIBILITY_SECONDS, Container
from windtunnel.stack.airflow.python import ask_python
from windtunnel.stack.airflow.requirements import requirements_of
from windtunnel.stack.airflow.startup import exported
from windtunnel.stack.airflow.together import run_together
from windtunnel.stack.airflow.versions import version_of
from windtunnel.stack.errors import StackError

ROOT = HOME / ".local"
"""Airflow's environment, where MWAA's image has its packages."""
LOGS = HOME / "logs"
STOP_SECONDS = 20
SCHEDULER = (("scheduler", "--skip-serve-logs"), ("dag-processor",), ("triggerer", "--skip-serve-logs"))
WORKER = (("celery", "worker"),)
PROCESSES = {
    "webserver": (("api-server",),),
    "scheduler": SCHEDULER,
    "worker": WORKER,
    "hybrid": (*SCHEDULER, *WORKER),
}
# Asked of Airflow's own environment, which has boto3. To make a queue that is there changes nothing.
_MAKE_QUEUE = (
    "import boto3, sys; boto3.client('sqs').create_queue(QueueName=sys.argv[1], "
    "Attributes={'VisibilityTimeout': sys.argv[2]})"
)


def main() -> None:
    """Become what the command line says; end with a sentence when that cannot be."""
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"Say one of {', '.join(COMMANDS)}, not {' '.join(sys.argv[1:]) or 'nothing'}.")
    try:
        code = run(Container(sys.argv[1], dict(os.environ)))
    except (StackError, InstallError) as error:
        sys.exit(str(error))
    sys.exit(code)


def run(container: Container) -> int:
    """Do what the container is for; its exit code. Raises StackError and InstallError."""
    if container.command == "migrate-db":
        _migrate(container)
        return 0
    startup: dict[str, str] = {}
    if container.startup:
        log = LOGS / "startup" / f"{container.command}.log"
        startup = exported(container.startup, container.environment({}), log)
    environment = container.environment(startup)
    _install(container)
    if container.makes_queue:
        _make_queue(container, environment)
    commands = [(str(ROOT / "bin" / "airflow"), *arguments) for arguments in PROCESSES[container.command]]
    return run_together(commands, environment, STOP_SECONDS)


def _migrate(container: Container) -> None:
    migrate(
        python=python_of(ROOT),
        airflow=_version(container),
        environment=container.environment({}),
        kept=LOGS / ".migrated" / "migrated.json",
        log=LOGS / "migrate-db.log",
        progress=PlainProgress(sys.stderr),
    )


def _install(container: Container) -> None:
    requirements = requirements_of(HOME, container.requirements) if container.requirements else None
    if requirements:
        with locked(ROOT / ".requirements.lock") as lock:
            requirements.install(ROOT, version_of(_version(container)), lock)


def _version(container: Container) -> str:
    return container.given.get("AIRFLOW_VERSION", "")


def _make_queue(container: Container, environment: Mapping[str, str]) -> None:
    ask_python(
        *(python_of(ROOT), _MAKE_QUEUE, container.queue, str(VISIBILITY_SECONDS)),
        environment=environment,
        failed=f"The queue {container.queue} of Celery cannot be made",
    )


if __name__ == "__main__":
    main()
