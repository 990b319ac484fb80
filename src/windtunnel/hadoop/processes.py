"""Process folders: the one way in which a long-lived process (a daemon, a step) is run.

A folder runs one process, once. What lies in it:

| file | written by | says |
| --- | --- | --- |
| `request.json` | `launch` | what to run; the environment goes by memory: it holds credentials |
| `lock` | the shim | held (flock) for as long as the shim lives |
| `started` | the shim | created before the fork: from here on nothing may run in this folder again |
| `pid` | the shim | of the command |
| `exit.json` | the shim | how the command ended |
| `shim.log` | the shim | empty, or why it failed |

The shim is no child of the service and outlives it. Every descendant of the command carries
`WINDTUNNEL_PROCESS=<folder>`, so that one which left the session is found too.
"""

import contextlib
import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil

from windtunnel.hadoop.mount_namespace import View
from windtunnel.install.files import write_atomically

VARIABLE = "WINDTUNNEL_PROCESS"
SHIM = Path(__file__).with_name("shim.py")
LAUNCH_SECONDS = 30
KILL_SECONDS = 20
SHIM_SECONDS = 1  # to write down the outcome
POLL_SECONDS = 0.02


class ProcessError(OSError):
    """A process could not be started, or would not die; the message says which and where to look."""


@dataclass(frozen=True)
class Request:
    """What to run: `environment` is the whole environment; the outputs are appended to."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    stdout: Path
    stderr: Path
    view: View | None = None
    """What it sees at paths that it can't have otherwise, see `windtunnel.hadoop.node_view`."""


@dataclass(frozen=True)
class Outcome:
    """How a process ended: an exit code, or the number of the signal that killed it. Seconds since 1970.

    A program that isn't there has exit code 127 and a sentence in its stderr, one that can't be run 126.
    """

    exit_code: int | None
    signal: int | None
    started_at: float
    ended_at: float


class ProcessState(Enum):
    ABSENT = "ABSENT"  # nothing was ever started here
    RUNNING = "RUNNING"  # its shim watches it
    EXITED = "EXITED"  # there is an Outcome
    LOST = "LOST"  # its shim is gone (killed, a reboot) and nobody knows how it ended


@dataclass(frozen=True)
class Status:
    state: ProcessState
    pid: int | None
    outcome: Outcome | None


def launch(folder: Path, request: Request) -> None:
    """Run the request in this folder, unless something was ever run in it.

    Returns when the command has been executed (some hundredths of a second). Safe to repeat, also
    after a crash anywhere. Raises ProcessError when the shim can't start.
    """
    folder = folder.absolute()
    if was_launched(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = {"argv": request.argv, "directory": str(request.directory), "view": request.view}
    logs = {"stdout": str(request.stdout.absolute()), "stderr": str(request.stderr.absolute())}
    write_atomically(folder / "request.json", json.dumps({**command, **logs}, indent=1), mode=0o600)
    with (folder / "shim.log").open("ab") as log:
        shim = subprocess.run(
            [sys.executable, "-I", "-S", str(SHIM), str(folder)],
            env=dict(request.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            timeout=LAUNCH_SECONDS,
            check=False,
        )
    if shim.returncode:
        why = f" ({os.strerror(shim.returncode)})" if shim.returncode in errno.errorcode else ""
        raise ProcessError(f"Could not run {request.argv[0]}{why}: {folder / 'shim.log'} says more.")


def was_launched(folder: Path) -> bool:
    """Whether something was ever run in this folder."""
    return (folder / "started").exists()


def give_up(folder: Path) -> bool:
    """Have nothing ever run in this folder; False when something does already, or did."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        (folder / "started").touch(exist_ok=False)  # what the shim itself must create first
    except FileExistsError:
        return False
    return True


def observe(folder: Path) -> Status:
    """What became of the folder's process. Quick: reads two small files at most."""
    outcome = _outcome(folder)
    if outcome is None and _is_locked(folder):
        return Status(ProcessState.RUNNING, _pid(folder), None)
    outcome = outcome or _outcome(folder)  # it may have ended between the two looks
    if outcome is not None:
        return Status(ProcessState.EXITED, _pid(folder), outcome)
    state = ProcessState.LOST if (folder / "started").exists() else ProcessState.ABSENT
    return Status(state, _pid(folder), None)


def began_at(folder: Path) -> float | None:
    """When something was first run in the folder, in seconds since 1970."""
    try:
        return (folder / "started").stat().st_mtime
    except FileNotFoundError:
        return None


def interrupt(folder: Path) -> None:
    """Send SIGTERM to the command, if it is still there; to it alone, as EMR's SEND_INTERRUPT does."""
    pid = _pid(folder)
    for process in _processes_of(folder):
        if process.pid == pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()


def kill(folder: Path) -> None:
    """SIGKILL the command and every descendant, those included that left its session.

    Returns when none is left and the shim has written the outcome. Raises ProcessError after 20 seconds.
    """
    _kill_until_gone(lambda: _processes_of(folder), lambda: _is_locked(folder), str(folder))


def kill_all(variable: str, value: str) -> int:
    """SIGKILL every process that has this environment variable, but the caller and its ancestors.

    Shims go last, by themselves where they can, so that each writes down how its command ended.
    Returns how many were killed. Raises ProcessError when some remain after 20 seconds.
    """
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    shims_end_by = time.monotonic() + SHIM_SECONDS

    def find() -> list[psutil.Process]:
        found = [process for process in with_variables({variable: value}) if process.pid not in spared]
        commands = [process for process in found if not _is_shim(process)]
        return found if time.monotonic() > shims_end_by else commands

    def shims_remain() -> bool:
        return any(process.pid not in spared for process in with_variables({variable: value}))

    return _kill_until_gone(find, shims_remain, f"{variable}={value}")


def _kill_until_gone(find: Callable[[], list[psutil.Process]], is_held: Callable[[], bool], what: str) -> int:
    """Kill until `find` finds nothing and nothing is held: what is killed may have forked before.

    Nothing has to be found twice: what executes another program has no environment for an instant.
    """
    deadline = time.monotonic() + KILL_SECONDS
    killed: set[psutil.Process] = set()
    gone = 0
    while True:
        found = find()
        for process in found:
            # psutil compares the creation time first: a pid that was used again is left alone.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                killed.add(process)
        gone = 0 if found or is_held() else gone + 1
        if gone == 2:
            return len(killed)
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in found)
            raise ProcessError(f"Processes of {what} did not die within {KILL_SECONDS} s: {pids}.")
        time.sleep(POLL_SECONDS)


def _processes_of(folder: Path) -> list[psutil.Process]:
    """The command, its descendants, and whatever carries the folder's variable; never the shim itself.

    Oldest first: killed in this order, the command does not live to see its children die and to react.
    """
    found = set(with_variables({VARIABLE: str(folder.absolute())}))
    for process in _running():
        if _is_shim(process, folder):
            with contextlib.suppress(psutil.Error):
                found.update(process.children(recursive=True))
    alive = [process for process in found if _is_alive(process) and not _is_shim(process)]
    return sorted(alive, key=_created)


def with_variables(variables: Mapping[str, str]) -> list[psutil.Process]:
    """Every live process that has all of these in its environment."""
    return [process for process in _running() if variables.items() <= _environment(process).items()]


def _running() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if _is_alive(process):
            yield process


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _created(process: psutil.Process) -> float:
    try:
        return process.create_time()
    except psutil.Error:
        return 0


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):  # another user's, or gone
        return {}


def _is_shim(process: psutil.Process, folder: Path | None = None) -> bool:
    try:
        command = process.cmdline()
    except (psutil.Error, OSError):
        return False
    shim = len(command) > 1 and command[-2] == str(SHIM)
    return shim and (folder is None or command[-1] == str(folder.absolute()))


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _outcome(folder: Path) -> Outcome | None:
    try:
        return Outcome(**json.loads((folder / "exit.json").read_bytes()))
    except FileNotFoundError:
        return None


def _pid(folder: Path) -> int | None:
    try:
        return int((folder / "pid").read_text())
    except FileNotFoundError:
        return None
