"""What containers wrote, kept beyond their end: `docker compose down` removes it with them."""

from pathlib import Path

from windtunnel.install.files import write_atomically
from windtunnel.stack.docker.compose import Compose

KEPT = 3
"""Logs of earlier containers, as `<service>.log.1` and so on."""


def log_file(compose: Compose, service: str) -> Path:
    return compose.settings.logs / f"{service}.log"


def save(compose: Compose, service: str) -> Path:
    """Keep what the service's container has written; the file. What was kept before is moved on."""
    said = compose.run("logs", "--no-color", "--no-log-prefix", service)
    log = log_file(compose, service)
    if log.exists():
        for number in range(KEPT, 0, -1):
            older = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number}"))
    write_atomically(log, said)
    return log
