"""Programs that a test puts in the place of real ones."""

from pathlib import Path


def program(path: Path, body: str) -> Path:
    """A shell script that can be run, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
