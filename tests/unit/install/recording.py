"""A progress that remembers, and a Maven repository on this machine."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from windtunnel.install.fetch import Artifact
from windtunnel.install.progress import Task


@dataclass
class Recording:
    """Every line said and every task's label, total and units done."""

    lines: list[str] = field(default_factory=list)
    tasks: list["RecordedTask"] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "bytes") -> Iterator[Task]:
        self.tasks.append(RecordedTask(label, total))
        yield self.tasks[-1]


@dataclass
class RecordedTask:
    label: str
    total: int | None
    done: int = 0

    def advance(self, n: int) -> None:
        self.done += n


@dataclass
class Repository:
    """Serves jars by path; knows what it was asked, and can fail first or ignore ranges."""

    jars: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    ranges: bool = True

    def add(self, name: str, content: bytes) -> Artifact:
        artifact = Artifact(f"org.example:{name}:1.0", hashlib.sha256(content).hexdigest(), len(content))
        self.jars[artifact.url_path] = content
        return artifact

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/maven/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        path, wanted = request.path_params["path"], request.headers.get("range")
        self.asked.append((path, wanted))
        if self.failures:
            return Response(status_code=self.failures.pop(0))
        if path not in self.jars:
            return Response(status_code=404)
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            return Response(self.jars[path][start:], status_code=206)
        return Response(self.jars[path])
