"""What was started, written down: enough to watch, stop and start it again without knowing the project."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windtunnel.install.files import write_atomically
from windtunnel.stack.environment import SERVICE_VARIABLE, is_inherited
from windtunnel.stack.service import Service


@dataclass(frozen=True)
class Record:
    """A `Service` without what only code can say. `identity` is what marks its processes."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    identity: Mapping[str, str]
    directory: str
    after: tuple[str, ...]
    uses: tuple[str, ...]
    port: int | None
    restart: bool
    stop_signal: str
    stop_seconds: float
    links: Mapping[str, str]

    @property
    def definition(self) -> object:
        """What has to be the same for a running service to be the one that is wanted.

        What comes from the shell of whoever called is left out: two shells differ, the service does not.
        """
        own = {n: v for n, v in self.environment.items() if not is_inherited(n)}
        return self.command, own, self.directory, self.restart, self.stop_signal, self.stop_seconds


def record_of(service: Service, stack: Mapping[str, str]) -> Record:
    """The record of a service; `stack` are the variables that mark every process of its stack."""
    return Record(
        name=service.name,
        command=service.command,
        environment=dict(service.environment),
        identity={**stack, SERVICE_VARIABLE: service.name},
        directory=str(service.directory),
        after=service.after,
        uses=service.uses,
        port=service.port,
        restart=service.restart,
        stop_signal=service.stop_signal,
        stop_seconds=service.stop_seconds,
        links=dict(service.links),
    )


def save(folder: Path, record: Record) -> None:
    """Write the record where `launch` and `load` find it; it holds secrets, so only the user reads it."""
    write_atomically(folder / f"{record.name}.json", json.dumps(dataclasses.asdict(record), indent=1), 0o600)


def load(folder: Path) -> dict[str, Record]:
    """Every record in the folder, by name."""
    records = (_record(json.loads(file.read_text())) for file in sorted(folder.glob("*.json")))
    return {record.name: record for record in records}


def _record(content: dict[str, Any]) -> Record:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return Record(**values)


def stop_waves(records: Iterable[Record]) -> list[list[Record]]:
    """In which order to stop: nothing before what comes after it or uses it; each wave at once."""
    left = {record.name: record for record in records}
    waves = []
    while left:
        needed = {name for record in left.values() for name in (*record.after, *record.uses)}
        wave = [record for name, record in left.items() if name not in needed] or list(left.values())
        waves.append(wave)
        for record in wave:
            del left[record.name]
    return waves
