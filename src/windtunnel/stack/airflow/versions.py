"""The Airflow versions that this package carries the pins of, as MWAA's images have them."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from windtunnel.stack.errors import StackError

DEFAULT = "3.0.6"
_PYTHON = {"3.0.6": "3.12"}


@dataclass(frozen=True)
class Version:
    """One MWAA version; the paths are of files in this package."""

    number: str
    python: str
    """The minor version of Python that MWAA runs it on."""
    lock: Path
    """What MWAA's image holds, with hashes."""
    constraints: Path
    """Airflow's own constraints: hold for a requirements.txt that names none itself."""
    essential: Path
    """What a requirements.txt never moves."""


def version_of(number: str) -> Version:
    """The version `number` ("3.0.6"). Raises StackError when its pins are not here."""
    if number not in _PYTHON:
        raise StackError(f"Airflow {number} is not among those that windtunnel runs: {', '.join(_PYTHON)}.")
    folder = Path(str(files("windtunnel.stack.airflow") / "versions" / number))
    return Version(
        number,
        _PYTHON[number],
        lock=folder / "lock.txt",
        constraints=folder / "constraints.txt",
        essential=folder / "essential.txt",
    )
