"""What a check before a deployment has to say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that would be wrong, or is worth a look, on AWS."""

    file: str
    """The path in the project, "" where there is none."""
    line: int
    """From 1; 0 for the whole file."""
    rule: str
    """A short name, like `endpoint`."""
    why: str
    """Why it fails on AWS: a sentence."""
    mend: str
    """What to do about it: a sentence."""
    level: Level = "error"
    """An error keeps `deploy` from going on, a warning does not, a note is for who wants to look closer."""

    @property
    def place(self) -> str:
        """`dags/salary.py:12`, as editors take it."""
        return f"{self.file}:{self.line}" if self.line else self.file


def place_in(project: Path, file: Path) -> str:
    """The path of a file as a finding tells it."""
    return file.relative_to(project).as_posix() if file.is_relative_to(project) else str(file)
