"""Runs one command for a process folder and writes down how it ended, whatever becomes of the service.

`python -I -S shim.py <folder>`: a program of the standard library alone, since it must start in a blink
and outlive the service that called it. `processes.py` says what lies in the folder. In order, so that a
crash at any place can be told from any other: lock, `started`, fork, `pid`, wait, `exit.json`. Room for the
last two is taken first: a disk that is full by then must not make a lie of the end.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from importlib import import_module

CANNOT_RUN = 126
NOT_FOUND = 127
LOCK_SECONDS = 5.0
PR_SET_PDEATHSIG = 1
UNKNOWN = bytes([255])
ROOM = 512
"""Bytes, more than `pid` or `exit.json` has."""


def main(folder: str) -> int:
    """Leave a shim behind that is nobody's child; return 0 once its command was executed, else an errno."""
    ready_read, ready_write = os.pipe()
    if os.fork():
        os.close(ready_write)
        return (os.read(ready_read, 1) or UNKNOWN)[0]
    os.close(ready_read)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.chdir(folder)
    lock = take_lock()
    if lock is not None:
        try:
            run_once(folder, ready_write)
        except OSError as error:
            say_ready(ready_write, error.errno or UNKNOWN[0])
            raise
    else:
        say_ready(ready_write)
    os._exit(0)


def take_lock() -> int | None:
    """Hold <folder>/lock for as long as this process lives; None when another shim does.

    Whoever looks whether the lock is held takes it for an instant, so one refusal says nothing.
    """
    descriptor = os.open("lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if os.path.exists("started") or time.monotonic() > deadline:  # noqa: PTH110
                return None
            time.sleep(0.005)
        else:
            return descriptor


def run_once(folder: str, ready: int) -> None:
    """Run the command of request.json to its end, unless this folder has had its run."""
    with open("request.json", encoding="utf-8") as file:  # noqa: PTH123
        request = json.load(file)
    output = {name: open_log(request[name]) for name in ("stdout", "stderr")}
    for name in ("pid", "exit.json"):
        write_temporary(name, " " * ROOM)
    if begin():
        supervise(folder, request, output, ready)
    else:
        say_ready(ready)


def begin() -> bool:
    """Claim the one run that this folder will ever have."""
    try:
        descriptor = os.open("started", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    os.close(descriptor)
    return True


def supervise(folder: str, request: dict[str, str], output: dict[str, int], ready: int) -> None:
    """Fork the command, say when it was executed, wait, and write down how it ended."""
    started_at = time.time()
    failed_read, failed_write = os.pipe()
    shim = os.getpid()
    child = os.fork()
    if child == 0:
        execute(folder, request, output, shim, failed_write)
    os.close(failed_write)
    write_atomically("pid", str(child))
    os.read(failed_read, 1)  # ends when exec has closed the other end, or when the child is gone
    say_ready(ready)
    _, status = os.waitpid(child, 0)
    outcome = {
        "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "started_at": started_at,
        "ended_at": time.time(),
    }
    write_atomically("exit.json", json.dumps(outcome))


def execute(folder: str, request: dict[str, str], output: dict[str, int], shim: int, failed: int) -> None:
    """Become the command. It gets a session of its own: `kill 0` in a script must not end the shim."""
    os.setsid()
    die_with(shim)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output["stdout"], 1)
    os.dup2(output["stderr"], 2)
    program = request["argv"][0]
    see(request.get("view"))
    try:
        os.chdir(request["directory"])
        os.execvpe(program, list(request["argv"]), {**os.environ, "WINDTUNNEL_PROCESS": folder})  # noqa: S606
    except (OSError, ValueError) as error:  # a name that is empty is a ValueError
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        where = "in " + repr(request["directory"]) + " with PATH " + repr(os.environ.get("PATH", ""))
        os.write(2, f"Cannot run {program!r} {where}: {getattr(error, 'strerror', error)}.\n".encode())
        os.write(failed, b"1")
        os._exit(NOT_FOUND if missing else CANNOT_RUN)


def die_with(shim: int) -> None:
    """Where Linux can, have the command killed when its shim is: nobody would learn how it ended."""
    if sys.platform != "linux":
        return
    import ctypes  # costs as much as the rest of the start

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != shim:
        os._exit(NOT_FOUND)


def see(view: object) -> None:
    """Go where the paths of a node are what they are on EMR; not having them would be another program's run."""
    if not view:
        return
    sys.path.append(os.path.dirname(__file__))  # noqa: PTH120 - which -I leaves out
    try:
        import_module("mount_namespace").enter(view)
    except OSError as error:
        os.write(2, f"Cannot enter the node's mount namespace: {error.strerror}.\n".encode())
        os._exit(CANNOT_RUN)


def say_ready(ready: int, error: int = 0) -> None:
    # The caller was killed, which is nothing to this process; or it was told before.
    with contextlib.suppress(OSError):
        os.write(ready, bytes([error]))
        os.close(ready)


def open_log(path: str) -> int:
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def write_atomically(name: str, text: str) -> None:
    os.replace(write_temporary(name, text), name)  # noqa: PTH105


def write_temporary(name: str, text: str) -> str:
    """Write over what is there already: that room need not be found again."""
    temporary = name + ".new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(descriptor, text.encode())
    os.ftruncate(descriptor, len(text.encode()))
    os.fsync(descriptor)
    os.close(descriptor)
    return temporary


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
