"""The one door to Docker: its command line, and what is wrong with an engine in a sentence."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.stack.errors import StackError

ENGINE, COMPOSE = (25, 0), (2, 24)
"""The oldest that know all that docker/compose.yaml uses."""
MEMORY = 5 * 10**9
"""Bytes that the engine's machine needs: the services take 2.5 GB with an idle cluster, a step some 2 more."""
ANSWER_SECONDS = 60


class DockerError(StackError):
    """Docker refused; the message is what it said."""


def docker(
    *arguments: str,
    environment: Mapping[str, str],
    seconds: float | None = ANSWER_SECONDS,
    errors_too: bool = False,
) -> str:
    """What `docker …` prints, on standard error too if asked. DockerError when it fails or takes over `seconds`."""
    try:
        done = subprocess.run(
            ("docker", *arguments),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors_too else subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise DockerError(
            "The Docker stack needs Docker, and there is no command `docker`. Install Docker Desktop or Docker Engine, "
            "or take the native stack, which needs neither: leave STACK=docker out."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise DockerError(
            f"`docker {' '.join(arguments[:2])}` has not ended within {seconds:.0f} s: does Docker's engine hang? "
            f"Start it anew."
        ) from error
    if done.returncode:
        raise DockerError((done.stderr or done.stdout).strip() or f"`docker {arguments[0]}` failed.")
    return done.stdout


def check_engine(environment: Mapping[str, str]) -> None:
    """Raises StackError when there is no engine that the stack can run on, with what to do about it."""
    try:
        said = docker("info", "--format", "{{json .}}", environment=environment)
    except DockerError as error:
        raise StackError(why_no_engine(str(error))) from error
    told = _object(said)
    # A client without an engine answers too, and tells of it here.
    if errors := told.get("ServerErrors"):
        raise StackError(why_no_engine(" ".join(errors)))
    if not {"ServerVersion", "MemTotal"} <= told.keys():
        raise StackError(
            "The command `docker` is not Docker's own, by what `docker info` answers: the stack needs Docker Engine or "
            f"Docker Desktop. Leave STACK=docker out for the native stack. It said: {said.strip()[:200]}"
        )
    _check_versions(told)
    if told["MemTotal"] < MEMORY:
        raise StackError(
            f"Docker has {told['MemTotal'] / 1e9:.1f} GB of memory, and the stack needs {MEMORY / 1e9:.0f} GB: "
            f"Airflow, LocalStack and one EMR cluster with its step. Give it more (Docker Desktop: Settings, "
            f"Resources), or take the native stack."
        )


def _object(text: str) -> dict[str, Any]:
    """A JSON object; empty when it is none."""
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _check_versions(told: Mapping[str, Any]) -> None:
    plugins = told.get("ClientInfo", {}).get("Plugins") or []
    compose = next((p.get("Version", "") for p in plugins if p.get("Name") == "compose"), None)
    if compose is None:
        raise StackError(
            "The Docker stack needs Docker Compose 2 (`docker compose`), and this Docker lacks that plugin. "
            "Docker Desktop has it; elsewhere it is the package docker-compose-plugin."
        )
    for name, version, oldest in (("Engine", told["ServerVersion"], ENGINE), ("Compose", compose, COMPOSE)):
        if (known := _version(version)) and known < oldest:
            wanted = ".".join(map(str, oldest))
            raise StackError(f"Docker {name} is {version}, and the stack needs {wanted} or newer: update it.")


def _version(text: str) -> tuple[int, int] | None:
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def is_off(error: DockerError) -> bool:
    """Whether there is no engine that runs, and so no container that does."""
    said = str(error).lower()
    # Clients of 29 and later say the last.
    words = (
        "there is no command",
        "cannot connect to the docker daemon",
        "failed to connect to the docker api",
    )
    return "permission denied" not in said and any(one in said for one in words)


def why_no_engine(said: str) -> str:
    """The sentence for an engine that cannot be talked to, from what Docker's command line said."""
    if "permission denied" in said.lower():
        return (
            "Docker's engine runs, but does not let you in. On Linux add yourself to its group and log in anew: "
            f"sudo usermod --append --groups docker $USER. It said: {said}"
        )
    if "there is no command" in said or "has not ended within" in said:
        return said
    return (
        "Docker's engine does not answer. Start it (Docker Desktop, or on Linux `sudo systemctl start docker`), or "
        f"take the native stack, which needs none: leave STACK=docker out. It said: {said}"
    )


def inspect(kind: str, names: Sequence[str], environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """What Docker tells of these containers, images or volumes; those that are gone meanwhile are left out."""
    if not names:
        return []
    try:
        found = docker(kind, "inspect", *names, environment=environment)
    except DockerError:
        if len(names) == 1:
            return []
        return [one for name in names for one in inspect(kind, [name], environment)]
    answer: list[dict[str, Any]] = json.loads(found)
    return answer
