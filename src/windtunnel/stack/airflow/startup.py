"""A project's startup.sh: sourced by bash before Airflow starts; what it exports reaches Airflow."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from windtunnel.stack.errors import StackError

FILE_NAME = "startup.sh"
SECONDS = 295
"""How long MWAA lets it run."""
PATIENCE_SECONDS = 5
LAST_LINES = 15
# A trap, for a script may end itself by `exit 0`. Not `env -0`: not every system's has it.
_SOURCE = r"""
windtunnel_keep() {
    local IFS=$'\n' windtunnel_name
    for windtunnel_name in $(compgen -e); do
        printf '%s=%s\0' "$windtunnel_name" "${!windtunnel_name}"
    done > "$1"
}
trap 'status=$?; windtunnel_keep "$2"; exit $status' EXIT
source "$1"
"""
_SHELLS_OWN = frozenset({"_", "OLDPWD", "PWD", "SHLVL"})


def exported(
    script: Path, environment: Mapping[str, str], log: Path, seconds: float = SECONDS
) -> dict[str, str]:
    """The variables that `script` exports, new or changed against `environment`, run in its own folder.

    Its output goes to `log`. Raises StackError when it fails or runs longer than `seconds`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "environment"
        status = _run(script, environment, dump, log, seconds)
        if status is None:
            raise StackError(_sentence(script, log, f"was still running after {seconds:g} s, and was ended"))
        if status != 0 or not dump.exists():
            raise StackError(_sentence(script, log, f"failed with exit code {status}"))
        after = dict(
            entry.split("=", 1) for entry in dump.read_text(errors="surrogateescape").split("\0") if entry
        )
    return {
        name: value
        for name, value in after.items()
        if name not in _SHELLS_OWN and environment.get(name) != value
    }


def _run(script: Path, environment: Mapping[str, str], dump: Path, log: Path, seconds: float) -> int | None:
    with log.open("wb") as output:
        process = subprocess.Popen(
            ("bash", "-c", _SOURCE, "bash", str(script), str(dump)),
            env=dict(environment),
            cwd=script.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return None


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _sentence(script: Path, log: Path, what: str) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
    said = "\n".join(lines) or "(it printed nothing)"
    return f"{script} {what}. Its output is in {log}; its last lines:\n{said}"
