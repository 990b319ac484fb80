"""Becomes one process of Airflow: `python -I -m windtunnel.stack.airflow.launch <plan>`.

It gives its own process to Airflow, so that nothing stays in between, and it imports little.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from windtunnel.install.files import write_atomically
from windtunnel.stack.airflow.configuration import OPINIONATED, merge
from windtunnel.stack.airflow.startup import exported
from windtunnel.stack.errors import StackError


@dataclass(frozen=True)
class Plan:
    """What a process of Airflow is, but for the container's environment, which is the launcher's own."""

    python: str
    arguments: tuple[str, ...]
    startup: str
    """The path of startup.sh, "" for a process that runs without it."""
    startup_log: str
    options: Mapping[str, str]
    essential: Mapping[str, str]
    started: str
    """The file whose time says when the process was started last."""


def write_plan(path: Path, plan: Plan) -> None:
    """Keep `plan` at `path`, for the user only: it holds the keys."""
    write_atomically(path, json.dumps(asdict(plan), indent=2) + "\n", mode=0o600)


def read_plan(path: Path) -> Plan:
    """The plan that was kept at `path`."""
    plan = Plan(**json.loads(path.read_text()))
    return Plan(**{**asdict(plan), "arguments": tuple(plan.arguments)})


def final_environment(plan: Plan, container: Mapping[str, str]) -> dict[str, str]:
    """The environment of the process, in MWAA's order. Runs startup.sh; raises StackError when that fails."""
    path = f"{Path(plan.python).parent}{os.pathsep}{container.get('PATH', os.defpath)}"
    container = {**container, "PATH": path}
    startup: dict[str, str] = {}
    script = Path(plan.startup)
    if plan.startup and script.is_file():
        seen = {**container, **OPINIONATED, **plan.options, **plan.essential}
        startup = exported(script, seen, Path(plan.startup_log))
    return merge(
        container=container,
        opinionated=OPINIONATED,
        startup=startup,
        options=plan.options,
        essential=plan.essential,
    )


def main() -> None:
    """Become what the plan named on the command line says."""
    plan = read_plan(Path(sys.argv[1]))
    try:
        environment = final_environment(plan, os.environ)
    except StackError as error:
        sys.exit(str(error))
    write_atomically(Path(plan.started), "")
    keep_log_open()
    os.execve(plan.python, (plan.python, "-m", "airflow", *plan.arguments), environment)  # noqa: S606


def keep_log_open() -> None:
    """Where Linux can, have no write to the log fail for want of a reader.

    The log is a pipe, and the supervisor closes its end of it when a process of Airflow is killed. The executors
    that a killed scheduler leaves behind live on for an instant, until its next start ends them: one that could
    not write its log meanwhile would report its task, which only waits for EMR, as failed. Whoever inherits
    the pipe from here on has a reading end of it too.
    """
    with suppress(OSError):
        os.set_inheritable(os.open("/proc/self/fd/1", os.O_RDONLY), True)


if __name__ == "__main__":
    main()
