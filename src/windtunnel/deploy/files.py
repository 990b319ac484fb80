"""The files of a project that go into the bucket, as MWAA and EMR find them there."""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from windtunnel.deploy.errors import DeployError
from windtunnel.stack.project import Project

PLUGINS = "plugins.zip"
VERSIONED = {
    "requirements.txt": "RequirementsVersion",
    PLUGINS: "PluginsVersion",
    "startup.sh": "StartupScriptVersion",
}
"""Keys that the environment takes by version, with the parameters that say which."""
MIRRORED = ("dags/", "spark/")
"""What has to be in the bucket as it is here: what is gone here is deleted there."""
ORDER = ("spark/", PLUGINS, "requirements.txt", "startup.sh", "data/", "dags/")
"""No DAG is to be seen before what it starts."""
_KEPT_HIDDEN = (".airflowignore",)
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""Of a zip file's times."""


@dataclass(frozen=True)
class File:
    """One object to be, and the file that it is made of, as it was when it was looked at."""

    key: str
    path: Path
    size: int
    modified: int
    """In nanoseconds."""
    md5: str
    sha256: str

    @property
    def is_as_it_was(self) -> bool:
        status = self.path.stat()
        return (status.st_size, status.st_mtime_ns) == (self.size, self.modified)


def project_files(project: Project, *, scratch: Path, data: bool) -> list[File]:
    """What goes up, in the order in which it goes; `scratch` is a folder for what is packed.

    Without hidden files but .airflowignore, without what Python compiled. Raises DeployError for a folder that is a
    link, since S3 has none, and for a glob of `data` that leads out of the project or names nothing.
    """
    found: dict[str, Path] = {}
    for folder in MIRRORED:
        found |= {
            path.relative_to(project.folder).as_posix(): path for path in _below(project.folder / folder)
        }
    for name in VERSIONED:
        if (project.folder / name).is_file() and name != PLUGINS:
            found[name] = project.folder / name
    if packed := pack(project.folder / "plugins", scratch / PLUGINS):
        found[PLUGINS] = packed
    if data:
        found |= _data(project)
    return sorted(
        (_file(key, path) for key, path in found.items()), key=lambda one: (_place(one.key), one.key)
    )


def pack(folder: Path, into: Path) -> Path | None:
    """The folder's files as a zip file: the same files are the same bytes; None when there are none.

    Nothing is compressed, since zlib's versions do not agree on the bytes.
    """
    files = list(_below(folder))
    if not files:
        return None
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EARLIEST)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    return into


def _below(folder: Path) -> Iterator[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith(".") and one != "__pycache__"]
        for one in folders:
            if (Path(place) / one).is_symlink():
                raise DeployError(
                    f"{Path(place) / one} is a link to a folder, and a bucket has no links. Put the folder there."
                )
        found += [Path(place) / one for one in names if _goes_up(one)]
    yield from sorted(found, key=lambda one: one.relative_to(folder).as_posix())


def _goes_up(name: str) -> bool:
    return name in _KEPT_HIDDEN or not (name.startswith(".") or name.endswith(".pyc"))


def _data(project: Project) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for glob in project.deploy.data:
        if Path(glob).is_absolute() or ".." in Path(glob).parts:
            raise DeployError(f"{project.file}: [deploy] data has {glob!r}, which leads out of the project.")
        paths = [path for path in project.folder.glob(glob) if path.is_file() and _goes_up(path.name)]
        if not paths:
            raise DeployError(f"{project.file}: [deploy] data has {glob!r}, and there is no such file.")
        found |= {path.relative_to(project.folder).as_posix(): path for path in paths}
    return found


def _file(key: str, path: Path) -> File:
    status = path.stat()
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        md5 = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return File(key, path, status.st_size, status.st_mtime_ns, md5, sha256)


def _place(key: str) -> int:
    places = (
        n for n, part in enumerate(ORDER) if key == part or (part.endswith("/") and key.startswith(part))
    )
    return next(places, ORDER.index("data/"))


def sizes(files: Iterable[File]) -> int:
    """Bytes of them all."""
    return sum(one.size for one in files)
