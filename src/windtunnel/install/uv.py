"""The one way to run uv."""

import os
import subprocess
from pathlib import Path

from uv import find_uv_bin

from windtunnel.install.errors import InstallError

LAST_LINES = 15


def uv(*arguments: str | Path, purpose: str, lock: int | None = None, seconds: float | None = None) -> str:
    """Run uv and give its standard output.

    `lock` is the lock that it works under, see `locked`; after `seconds` it is killed.
    Raises InstallError with uv's last lines, beginning with `purpose` ("Airflow's environment").
    """
    try:
        done = subprocess.run(
            (find_uv_bin(), *arguments),
            env={k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | {"UV_NO_PROGRESS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            pass_fds=() if lock is None else (lock,),
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallError(
            f"{purpose}: `uv {arguments[0]}` did not end in {error.timeout:g} seconds."
        ) from error
    if done.returncode:
        lines = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
        raise InstallError(f"{purpose}: `uv {arguments[0]}` failed. Its last lines:\n{lines}")
    return done.stdout
