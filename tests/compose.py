"""docker/compose.yaml as Docker Compose's own client reads it; no engine takes part."""

import json
import os
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.project import ROOT
from windtunnel.stack.docker.compose import Compose
from windtunnel.stack.settings import Settings, load_settings

Service = dict[str, Any]


@cache
def _lacks_compose() -> str:
    """Why there is no `docker compose` here; "" where there is."""
    try:
        done = subprocess.run(
            ("docker", "compose", "version"), capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`docker compose version` does not run: {error}"
    return done.stderr.strip() or "`docker compose version` fails" if done.returncode else ""


needs_compose = pytest.mark.skipif(bool(_lacks_compose()), reason=_lacks_compose())


def docker_settings(state: Path, project: Path = ROOT, **flags: Any) -> Settings:
    """The Docker stack's settings of `project`, with a state of its own."""
    # Not the developer's own, which may be set in the shell that runs the tests.
    for name in [name for name in os.environ if name.startswith("WINDTUNNEL_") or name == "AIRFLOW_IMAGE"]:
        del os.environ[name]
    return load_settings(project, state=state, stack="docker", **flags)


def config(settings: Settings) -> dict[str, Any]:
    """The whole of what `docker compose` would bring up."""
    compose = Compose(settings)
    compose.write_files()
    found: dict[str, Any] = json.loads(compose.run("config", "--format", "json"))
    return found


def services(settings: Settings) -> dict[str, Service]:
    found: dict[str, Service] = config(settings)["services"]
    return found


def given(service: Service) -> dict[str, str]:
    """The variables that Compose gives a container; `$` is written as it arrives there."""
    told = service["environment"]
    return {n: str(v).replace("$$", "$") for n, v in told.items() if v is not None}


def image_variables(image: str) -> dict[str, str]:
    """What the Dockerfile of docker/<image>/ sets in its last stage."""
    text = (ROOT / "docker" / image / "Dockerfile").read_text().replace("\\\n", " ")
    stage = text[text.rindex("\nFROM ") :]
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)", stage, re.MULTILINE))
    words = [word for line in re.findall(r"^ENV (.+)", stage, re.MULTILINE) for word in shlex.split(line)]
    pairs = (word.partition("=") for word in words)
    return {n: re.sub(r"\$\{(\w+)\}", lambda m: defaults[m[1]], v) for n, _, v in pairs}
