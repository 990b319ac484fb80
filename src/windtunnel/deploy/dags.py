"""A project's DAGs, as Airflow reads them on Amazon MWAA."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windtunnel.deploy.errors import DeployError

SCRIPT = Path(__file__).with_name("airflow_side.py")
SECONDS = 1800
"""How long all files together may take; Airflow gives up on a single one long before."""
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
LAST_LINES = 5


@dataclass(frozen=True)
class Place:
    """A line of the project; 0 for the whole file."""

    file: Path
    line: int


@dataclass(frozen=True)
class ImportProblem:
    """Why Airflow cannot read a file."""

    place: Place
    """The innermost line of the project that took part."""
    words: str
    """The exception's own."""


@dataclass(frozen=True)
class Noted:
    """Something that a file does while it is read."""

    place: Place
    what: str
    """The host that is called, or `Variable x`, `Connection y`."""


@dataclass(frozen=True)
class EmrTask:
    """A task that asks Amazon EMR for something."""

    dag_id: str
    task_id: str
    place: Place
    """Where the task is made."""
    request: Any
    """What it was given, templates not rendered: members of RunJobFlow, or StepConfigs; a text when it is templated."""
    connection: str | None = None
    """The Airflow connection whose members are laid under the request's, None for none."""


@dataclass(frozen=True)
class LoadedDags:
    """What Airflow finds in dags/ and plugins/."""

    dags: Mapping[str, Path]
    """The files by the DAGs' ids."""
    problems: list[ImportProblem]
    touches: list[Noted]
    """The network, by host."""
    reads: list[Noted]
    """Of Airflow's Variables and Connections, but for those that the environment has."""
    skipped: list[Path]
    """Files that make a DAG, and that Airflow does not look at."""
    slow: list[Path]
    limit: float
    """Seconds that Airflow gives a file."""
    requests: list[EmrTask]
    """RunJobFlow."""
    steps: list[EmrTask]
    """AddJobFlowSteps."""


def load_dags(python: Path, project: Path, environment: Mapping[str, str], result: Path) -> LoadedDags:
    """Read `project`'s DAGs by Airflow's interpreter, in `environment`; `result` is a file to be made.

    Raises DeployError when Airflow itself does not start, and no file of the project is to blame.
    """
    command = (str(python), "-P", str(SCRIPT), str(project), str(result))
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            cwd=result.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeployError(f"Airflow did not read the DAGs of {project} in {SECONDS} seconds.") from error
    if done.returncode or not result.is_file():
        return _not_started(done.stderr, project)
    return _loaded(json.loads(result.read_text()), project)


def _not_started(said: str, project: Path) -> LoadedDags:
    """Airflow has PYTHONPATH as on MWAA, so a module of the project can be found in a package's place."""
    words = (said.strip().splitlines() or ["it said nothing"])[-1]
    culprits = re.findall(rf"{re.escape(str(project))}/[^\s()'\"]+\.py", said)
    if not culprits:
        last = "\n".join(said.strip().splitlines()[-LAST_LINES:])
        raise DeployError(f"Airflow could not read the DAGs of {project}:\n{last}")
    found = ImportProblem(Place(Path(culprits[-1]), 0), f"Airflow itself does not start: {words}")
    return LoadedDags({}, [found], [], [], [], [], 0, [], [])


def _loaded(found: Mapping[str, Any], project: Path) -> LoadedDags:
    tasks = {kind: [_task(one) for one in found["tasks"] if one["kind"] == kind] for kind in _KINDS}
    return LoadedDags(
        dags={name: Path(file) for name, file in found["dags"].items()},
        problems=[_problem(Path(one["file"]), one["text"], project) for one in found["errors"]],
        touches=[_noted(one) for one in found["touches"]],
        reads=[_noted(one) for one in found["reads"]],
        skipped=[Path(file) for file in found["skipped"]],
        slow=[Path(file) for file in found["slow"]],
        limit=found["limit"],
        requests=tasks["job_flow_overrides"],
        steps=tasks["steps"],
    )


_KINDS = ("job_flow_overrides", "steps")


def _task(found: Mapping[str, Any]) -> EmrTask:
    place = Place(Path(found["file"]), found["line"])
    return EmrTask(found["dag_id"], found["task_id"], place, found["request"], found["connection"])


def _noted(found: Mapping[str, Any]) -> Noted:
    return Noted(Place(Path(found["file"]), found["line"]), found["what"])


def _problem(file: Path, text: str, project: Path) -> ImportProblem:
    """Of a traceback, the last frame in the project and the exception's words."""
    frames = [(Path(one["file"]), int(one["line"])) for one in _FRAME.finditer(text)]
    own = [
        frame
        for frame in frames
        if frame[0].is_relative_to(project) and "site-packages" not in str(frame[0]) and frame[0] != SCRIPT
    ]
    at_line = re.search(r"\(([^()]+), line (\d+)\)$", text.strip())  # as str() tells a SyntaxError
    line = int(at_line[2]) if at_line and not own else 0
    lines = text.strip().splitlines()
    # The exception's words follow the last frame; what is indented belongs to frames.
    words = [one for one in lines if not one.startswith((" ", "Traceback"))]
    return ImportProblem(Place(*own[-1]) if own else Place(file, line), words[-1] if words else text.strip())
