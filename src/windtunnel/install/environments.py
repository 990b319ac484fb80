"""Python environments, each made once from a lock and then shared by every checkout."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from windtunnel.install.errors import InstallError
from windtunnel.install.files import locked, write_atomically
from windtunnel.install.interpreters import find_python
from windtunnel.install.progress import Progress
from windtunnel.install.uv import uv

READY = ".windtunnel-ready"
ADVICE = (
    "Is this machine online, and is there room on its disk? Behind a proxy set HTTPS_PROXY (and SSL_CERT_FILE "
    "for its certificate); for a mirror set UV_DEFAULT_INDEX. What has arrived is kept: try again."
)


def environment(
    name: str,
    *,
    python: str,
    lock: Path,
    cache: Path,
    progress: Progress,
    inputs: Sequence[Path] = (),
    build: Callable[[Path, int], None] | None = None,
) -> Path:
    """The root of a virtual environment of Python `python` ("3.12") holding exactly what `lock` says.

    The lock is a requirements file with hashes. `build`, given the root and the lock that it works under
    (see `locked`), may add to the environment before it counts as ready; the files it reads belong in
    `inputs`, so that their change makes a new one.
    Environments are under `<cache>/environments`, byte-compiled; one that was interrupted is made again.
    Raises InstallError.
    """
    root = environment_root(name, python=python, lock=lock, cache=cache, inputs=inputs)
    ready = root / READY
    if is_made(root):
        return root
    waiting = f"Waiting for another set-up that is making the environment of {name}"
    with locked(root.with_name(f".{root.name}.lock"), waiting=lambda: progress.say(waiting)) as held:
        if is_made(root):
            return root
        with progress.task(f"Python {python} environment of {name}", unit="packages"):
            _make(name, root, python, lock, held)
            if build:
                build(root, held)
        write_atomically(ready, "")
    return root


def environment_root(name: str, *, python: str, lock: Path, cache: Path, inputs: Sequence[Path] = ()) -> Path:
    """Where `environment` makes, or has made, the environment of these arguments."""
    return cache / "environments" / f"{name}-{_digest(python, lock, *inputs)}"


def python_of(root: Path) -> Path:
    """The interpreter of the environment `root`."""
    return root / "bin" / "python"


def is_made(root: Path) -> bool:
    """Whether the environment `root` was finished, and the Python that it was made of is still there."""
    return (root / READY).exists() and python_of(root).exists()


def _digest(python: str, *files: Path) -> str:
    digest = hashlib.sha256(python.encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _make(name: str, root: Path, python: str, lock: Path, held: int) -> None:
    purpose = f"The environment of {name}"
    # A half-made one is thrown away: uv's own cache is what makes the second try quick.
    shutil.rmtree(root, ignore_errors=True)
    uv("venv", "--no-project", "--python", find_python(python), root, purpose=purpose, lock=held)
    arguments = ("pip", "sync", "--require-hashes", "--compile-bytecode", "--python", python_of(root), lock)
    try:
        uv(*arguments, purpose=purpose, lock=held)
    except InstallError as error:
        raise InstallError(f"{error}\n{ADVICE}") from error
