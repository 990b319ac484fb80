"""A project's requirements.txt, as MWAA treats it, but failing loudly."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from windtunnel.install.environments import python_of
from windtunnel.install.errors import InstallError
from windtunnel.install.files import write_atomically
from windtunnel.install.interpreters import find_python
from windtunnel.install.progress import Progress
from windtunnel.install.uv import uv
from windtunnel.stack.airflow.versions import Version

FILE_NAME = "requirements.txt"
MWAA_HOME = "/usr/local/airflow"
"""Where MWAA has dags/ and plugins/; a requirements.txt may name wheels and constraints in them."""
# MWAA counts a commented line too: that is its way to have no constraints at all.
_CONSTRAINT = re.compile(r"-c |--constraint ")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LOCAL = re.compile(rf"{MWAA_HOME}/[^\s'\"]*")


@dataclass(frozen=True)
class Requirements:
    """The requirements.txt of `project`, which asks for something; `place` is where in the project it is."""

    project: Path
    place: Path = Path(FILE_NAME)

    @property
    def file(self) -> Path:
        return self.project / self.place

    @property
    def text(self) -> str:
        """Its lines, with the folders that MWAA has in /usr/local/airflow found in the project."""
        return self.file.read_text().replace(f"{MWAA_HOME}/", f"{self.project}/")

    @property
    def constrained(self) -> bool:
        """Whether it brings constraints, so that Airflow's own do not apply."""
        return any(_CONSTRAINT.search(line) for line in self.text.splitlines())

    def constraints(self, version: Version) -> list[str]:
        """Those that apply, as uv's arguments: MWAA's own always, Airflow's unless it brings others."""
        files = [version.essential] if self.constrained else [version.essential, version.constraints]
        return [part for file in files for part in ("--constraints", str(file))]

    def inputs(self, version: Version) -> list[Path]:
        """The files that decide what gets installed: a change of one means another environment."""
        named = (self.project / found.group().removeprefix(f"{MWAA_HOME}/") for found in self._local())
        local = [file for path in named for file in _files(path)]
        return [self.file, version.constraints, version.essential, *sorted(local)]

    def check(self, version: Version, progress: Progress) -> None:
        """See that it can be installed, before minutes go into an environment that it is to be put in.

        Raises InstallError that names the line where it can.
        """
        if not self.constrained:
            progress.say(
                f"{self.file} names no constraints, so Airflow's own apply, as on MWAA. To choose others, "
                f"begin it with a line --constraint <file or URL>."
            )
        with tempfile.TemporaryDirectory() as folder:
            lock, python = f"{folder}/lock.txt", str(find_python(version.python))
            options = ("--no-header", "--python", python, "--output-file", lock)
            self._uv("compile", Path(folder) / FILE_NAME, version, *options)

    def install(self, root: Path, version: Version, lock: int) -> None:
        """Install it into the environment `root`, under `lock` (see `locked`).

        Raises InstallError that names the line where it can.
        """
        options = ("--compile-bytecode", "--python", str(python_of(root)), "--requirements")
        self._uv("install", root / FILE_NAME, version, *options, lock=lock)

    def _uv(
        self, verb: str, translated: Path, version: Version, *options: str, lock: int | None = None
    ) -> None:
        write_atomically(translated, self.text)
        # pip looks at all indexes for the best version; uv must be told.
        best = ("--index-strategy", "unsafe-best-match")
        try:
            uv(
                "pip",
                verb,
                *self.constraints(version),
                *best,
                *options,
                translated,
                purpose=str(self.file),
                lock=lock,
            )
        except InstallError as error:
            said = str(error).replace(str(translated), str(self.file))
            raise InstallError(self._sentence(said)) from error

    def _local(self) -> Iterator[re.Match[str]]:
        return _LOCAL.finditer(self.file.read_text())

    def _sentence(self, said: str) -> str:
        culprits = [
            f"line {number} ({line})"
            for number, line in asked(self.text)
            if (name := _NAME.match(line))
            and re.search(rf"\b{re.escape(name.group())}\b", said, re.IGNORECASE)
        ]
        where = f": see {', '.join(culprits)}" if culprits else ""
        return (
            f"What {self.file} asks for cannot be installed{where}. (MWAA would only log this.) No "
            f"requirements.txt moves Airflow's own pins, nor those of celery, SQLAlchemy and Flask.\n{said}"
        )


def requirements_of(project: Path, place: Path = Path(FILE_NAME)) -> Requirements | None:
    """The requirements of `project`, None when it has no requirements.txt or only comments in it."""
    found = Requirements(project, place)
    return found if found.file.is_file() and any(asked(found.file.read_text())) else None


def asked(text: str) -> Iterator[tuple[int, str]]:
    """The lines, by number from 1, that ask for something."""
    for number, line in enumerate(text.splitlines(), 1):
        if wanted := re.sub(r"(^|\s)#.*", "", line).strip():
            yield number, wanted


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from path.glob("*.whl")
        yield from path.glob("*.tar.gz")
    elif path.is_file():
        yield path
