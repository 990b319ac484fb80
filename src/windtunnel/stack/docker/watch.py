"""What becomes of the containers while a run is followed."""

import time
from dataclasses import dataclass, field

from windtunnel.stack import localstack
from windtunnel.stack.docker.compose import Compose
from windtunnel.stack.docker.containers import Container, containers
from windtunnel.stack.docker.engine import DockerError
from windtunnel.stack.docker.services import SCHEDULER


@dataclass
class DockerWatch:
    """Whether the services that were there at the start still are, as Docker tells."""

    compose: Compose
    names: set[str]
    _seen: dict[str, Container] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen = {name: one for name, one in self._seen.items() if name in self.names}

    def restarted(self) -> list[str]:
        try:
            found = self._containers()
        except DockerError:  # which `lost` tells of
            return []
        again = [n for n, one in found.items() if one.is_well and one.since > self._since(n)]
        self._seen |= {name: found[name] for name in again}
        return again

    def lost(self) -> str:
        try:
            found = self._containers()
        except DockerError as error:
            return f"Docker's engine does not answer: {error}"
        for name in self._seen:
            container = found.get(name)
            if container is None or container.is_up:
                continue
            also = " and everything in S3 is lost with it" if name == localstack.NAME else ""
            return (
                f"{name} died ({container.how_it_ended}){also}. `make up STACK=docker` starts it "
                f"again; its log: `make logs STACK=docker SERVICE={name}`"
            )
        if gone := sorted(self._seen.keys() - found.keys()):
            return f"The containers of {', '.join(gone)} are gone. `make up STACK=docker` starts them anew."
        return ""

    def log_of_dags(self) -> str:
        return f"`make logs STACK=docker SERVICE={SCHEDULER}`"

    def _since(self, name: str) -> float:
        return self._seen[name].since if name in self._seen else time.time()

    def _containers(self) -> dict[str, Container]:
        found = containers(self.compose.project, self.compose.caller())
        return {name: one for name, one in found.items() if name in self.names}
