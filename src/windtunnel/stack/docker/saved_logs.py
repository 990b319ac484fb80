"""What containers wrote, kept beyond their end: `docker compose down` removes it with them."""

from pathlib import Path

from windtunnel.install.files import write_atomically
from windtunnel.stack.docker.compose import Compose
from windtunnel.stack.docker.containers import Container, written_by

KEPT = 3
"""Logs of earlier containers, as `<service>.log.1` and so on."""


def log_file(compose: Compose, service: str) -> Path:
    return compose.settings.logs / f"{service}.log"


def save(compose: Compose, container: Container) -> Path:
    """Keep what the container has written; the file. What was kept before is moved on."""
    said = written_by(container, compose.caller())
    log = log_file(compose, container.service)
    if log.exists():
        for number in range(KEPT, 0, -1):
            older = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number}"))
    write_atomically(log, said)
    return log
