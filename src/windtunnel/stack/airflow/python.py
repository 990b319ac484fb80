"""Airflow's own Python, which has packages that this process does not have."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from windtunnel.stack.errors import StackError


def ask_python(
    python: Path, program: str, *arguments: str, environment: Mapping[str, str], failed: str
) -> str:
    """What `program` prints. Raises StackError: `failed`, and the exception's own words."""
    done = subprocess.run(
        (str(python), "-I", "-c", program, *arguments),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"{failed}: {_words(done.stderr)}")
    return done.stdout.strip()


def _words(trace: str) -> str:
    """The last line that is not indented, and what belongs to it."""
    lines = trace.strip().splitlines()
    last = max((i for i, line in enumerate(lines) if not line[:1].isspace()), default=0)
    return "\n".join(lines[last:]) or "it said nothing"
