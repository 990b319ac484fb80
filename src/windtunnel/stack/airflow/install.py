"""The Python environment of Airflow: MWAA's pins, and on top what the project's requirements.txt asks for."""

from pathlib import Path
from typing import Any

from windtunnel.install.environments import environment, environment_root, python_of
from windtunnel.install.progress import Progress
from windtunnel.stack.airflow.requirements import requirements_of
from windtunnel.stack.airflow.versions import DEFAULT, Version, version_of


def install(*, project: Path, cache: Path, progress: Progress, version: str = DEFAULT) -> Path:
    """The interpreter of the environment for `project`; made when missing, else found in milliseconds.

    Projects that ask for the same share one. Raises InstallError, StackError for an unknown version.
    """
    pins, requirements = version_of(version), requirements_of(project)
    build = (lambda root, lock: requirements.install(root, pins, lock)) if requirements else None
    if requirements and not interpreter(project=project, cache=cache, version=version).exists():
        requirements.check(pins, progress)
    return python_of(environment(**_arguments(project, cache, pins), progress=progress, build=build))


def interpreter(*, project: Path, cache: Path, version: str = DEFAULT) -> Path:
    """Where `install` makes, or has made, that interpreter."""
    return python_of(environment_root(**_arguments(project, cache, version_of(version))))


def _arguments(project: Path, cache: Path, pins: Version) -> dict[str, Any]:
    requirements = requirements_of(project)
    return {
        "name": f"airflow-{pins.number}",
        "python": pins.python,
        "lock": pins.lock,
        "cache": cache,
        "inputs": requirements.inputs(pins) if requirements else (),
    }
