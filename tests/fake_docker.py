"""A `docker` that answers what a test says, in the place of Docker's command line."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from windtunnel.install.progress import SILENT, Task
from windtunnel.stack.docker.containers import HOME, ONE_OFF, PROJECT, SERVICE

PROGRAM = """\
import json, re, sys, time
from pathlib import Path

home = Path(__file__).parent
said = " ".join(sys.argv[1:])
with (home / "calls").open("a") as calls:
    calls.write(said.replace("\\n", " ") + "\\n")
for rule in json.loads((home / "rules.json").read_text()):
    if re.search(rule["pattern"], said):
        if rule["times"]:
            with (home / f"used-{rule['number']}").open("a") as used:
                if used.tell() == rule["times"]:
                    continue
                used.write(".")
        if rule["containers"] is not None:
            new = home / "new.json"
            new.write_text(json.dumps(rule["containers"]))
            new.replace(home / "containers.json")
        time.sleep(rule["hangs"])
        sys.stdout.write(rule["stdout"])
        sys.stderr.write(rule["stderr"])
        sys.exit(rule["code"])
there = {one["Id"]: one for one in json.loads((home / "containers.json").read_text())}
if said.startswith("ps --all"):
    print("\\n".join(there))
elif said.startswith("container inspect"):
    print(json.dumps([there[name] for name in sys.argv[3:]]))
"""
ALL = ("localstack", "postgres", "emr", "airflow-migrate-db", "airflow-webserver", "airflow-scheduler")
"""The services without Celery."""
IMAGE_ID = "sha256:1"
"""Of every image as it is now."""
LONG_AGO = "2026-11-20T10:00:00.123456789Z"
JUST_NOW = "just now"
NEVER = "0001-01-01T00:00:00Z"
INFO = {
    "ServerVersion": "26.1.5+dfsg1",
    "MemTotal": 16 << 30,
    "ClientInfo": {
        "Plugins": [{"Name": "buildx", "Version": "0.13.1"}, {"Name": "compose", "Version": "2.26.1-4"}]
    },
}
"""What `docker info` tells of an engine that the stack can run on."""


def container(service: str, state: str = "running", **other: Any) -> dict[str, Any]:
    """What `docker container inspect` tells of a container: by default one that runs, and is healthy."""
    ended = state in ("exited", "dead")
    health = other.pop("health", "healthy")
    told = {
        "Id": other.pop("id", f"id-of-{service}"),
        "RestartCount": other.pop("restarts", 0),
        "Image": other.pop("image_id", IMAGE_ID),
        "Config": {
            "Image": f"{service}:1",
            "Labels": {
                PROJECT: "project-1",
                SERVICE: service,
                ONE_OFF: "False",
                HOME: "/home/me/project",
            }
            | other.pop("labels", {}),
        },
        "State": {
            "Status": state,
            "ExitCode": other.pop("exit_code", 0),
            "OOMKilled": other.pop("out_of_memory", False),
            "Pid": 0 if ended else 4711,
            "StartedAt": other.pop("started", LONG_AGO),
            "FinishedAt": other.pop("finished", LONG_AGO if ended else NEVER),
        },
    }
    if health:
        checks = [{"Output": "an older one"}, {"Output": f"{other.pop('told', '')}\n"}]
        told["State"]["Health"] = {"Status": health, "Log": checks}
    assert not other, other
    return told


def all_up(*others: dict[str, Any]) -> list[dict[str, Any]]:
    """Every service's container as it is when all is well, but for `others`."""
    well = [container(name) for name in ALL if name != "airflow-migrate-db"]
    well.append(container("airflow-migrate-db", "exited", health=""))
    named = {one["Config"]["Labels"][SERVICE]: one for one in (*well, *others)}
    return list(named.values())


def _of_now(containers: Any) -> Any:
    """With JUST_NOW as the time of some seconds ago: tests are collected long before they run."""
    stamp = (datetime.now(UTC) - timedelta(seconds=5)).isoformat().replace("+00:00", "Z")
    return json.loads(json.dumps(containers).replace(JUST_NOW, stamp))


class Told:
    """A progress that keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "bytes") -> Iterator[Task]:
        self.say(label)
        with SILENT.task(label, total, unit) as task:
            yield task


@dataclass(frozen=True)
class FakeDocker:
    """The program in `folder`, which has to be first on PATH."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "FakeDocker":
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "docker"
        program.write_text(f"#!{sys.executable} -IS\n{PROGRAM}")
        program.chmod(0o755)
        (folder / "rules.json").write_text("[]")
        fake = cls(folder)
        fake.has()
        fake.info()
        return fake

    def has(self, *containers: dict[str, Any]) -> None:
        """These containers are what there is."""
        (self.folder / "containers.json").write_text(json.dumps(_of_now(containers)))

    def info(self, **other: Any) -> None:
        """`docker info` tells this besides, or instead of, what is in INFO."""
        self.says("^info ", json.dumps(INFO | other))

    def says(
        self,
        pattern: str,
        stdout: str = "",
        *,
        stderr: str = "",
        code: int = 0,
        hangs: float = 0,
        containers: list[dict[str, Any]] | None = None,
        times: int = 0,
    ) -> None:
        """What is called with words like `pattern` answers so from now on, and has made `containers` of all.

        With `times` it does so that often, and then answers as it did before.
        """
        rules = json.loads((self.folder / "rules.json").read_text())
        rule = {"number": len(rules), "pattern": pattern, "stdout": stdout, "stderr": stderr, "code": code}
        rules.insert(0, rule | {"hangs": hangs, "containers": _of_now(containers), "times": times})
        (self.folder / "rules.json").write_text(json.dumps(rules))

    def calls(self, pattern: str = "") -> list[str]:
        """What it was called with."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if pattern in line]
