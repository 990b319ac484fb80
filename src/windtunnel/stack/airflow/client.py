"""Airflow's REST API, as far as a run is started and watched with it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import httpx

from windtunnel.stack.airflow.requirements import MWAA_HOME
from windtunnel.stack.errors import StackError

API = "/api/v2"
PAGE = 1000


class AirflowUnreachableError(StackError):
    """Airflow does not answer now; it may again when its api-server has been started anew."""


@dataclass(frozen=True)
class Dag:
    """What Airflow knows of a DAG."""

    id: str
    file: str
    is_paused: bool
    is_stale: bool
    parsed_at: float | None
    """When its file was last read, in seconds since 1970."""


@dataclass(frozen=True)
class BrokenFile:
    """A file of DAGs that could not be imported at `at`, in seconds since 1970."""

    path: Path
    trace: str
    at: float

    @property
    def is_so_now(self) -> bool:
        return self.path.exists() and self.at >= written_at(self.path)

    def mentions(self, dag_id: str) -> bool:
        """Whether this may be the file that holds the DAG."""
        return dag_id in self.path.read_text(errors="replace")

    def __str__(self) -> str:
        return f"{self.path}:\n{self.trace}"


def written_at(file: Path) -> float:
    """When the file was last written, in seconds since 1970; 0 when it cannot be seen from here."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0


@dataclass(frozen=True)
class TaskInstance:
    """One task of a run; `map_index` is -1 for a task that is not mapped."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int

    @property
    def name(self) -> str:
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


class AirflowClient:
    """Calls the API of Airflow 3 as the stack configures it: everybody on this machine is its admin.

    Every call raises AirflowUnreachableError when there is no answer, StackError when it is refused.
    Files are named as this machine has them: MWAA's folder, which a container tells of, is `project` here.
    `transport` is another way to the API than by HTTP to `url`.
    """

    def __init__(
        self, url: str, project: Path = Path(MWAA_HOME), transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url = url
        self._project = project
        self._http = httpx.Client(base_url=f"{url}{API}", timeout=30, trust_env=False, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def dag(self, dag_id: str) -> Dag | None:
        """The DAG; None while no file that holds it was read."""
        answer = self._send("GET", f"/dags/{dag_id}", allow=(404,))
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        found = answer.json()
        parsed = found.get("last_parsed_time")
        return Dag(
            id=found["dag_id"],
            file=str(self._here(found["fileloc"])),
            is_paused=found["is_paused"],
            is_stale=found["is_stale"],
            parsed_at=datetime.fromisoformat(parsed).timestamp() if parsed else None,
        )

    def source(self, dag_id: str) -> str:
        """The text of the DAG's file when the DAG last changed."""
        return str(self._get(f"/dagSources/{dag_id}")["content"])

    def dag_ids(self) -> list[str]:
        return [dag["dag_id"] for dag in self._get("/dags", limit=PAGE)["dags"]]

    def broken_files(self) -> list[BrokenFile]:
        """Every file that could not be imported as it is now; an error of before its last change is left out."""
        errors = self._get("/importErrors", limit=PAGE)["import_errors"]
        found = [
            BrokenFile(
                self._here(e["filename"]),
                e["stack_trace"],
                datetime.fromisoformat(e["timestamp"]).timestamp(),
            )
            for e in errors
        ]
        return [broken for broken in found if broken.is_so_now]

    def set_paused(self, dag_id: str, paused: bool) -> None:
        self._send("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run; its id."""
        body = {"logical_date": None, "conf": conf}
        return str(self._send("POST", f"/dags/{dag_id}/dagRuns", json=body).json()["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def mark_failed(self, dag_id: str, run_id: str, task: TaskInstance) -> None:
        """Have a task end as failed, so that what comes after it goes the way of a failure."""
        place = f"/{task.map_index}" if task.map_index >= 0 else ""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}{place}"
        self._send("PATCH", path, json={"new_state": "failed"})

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """The tasks of a run in the order in which they started."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found = self._get(path, limit=PAGE)["task_instances"]
        found.sort(key=lambda one: one["start_date"] or "9")
        names = ("task_id", "map_index", "state", "try_number")
        return [TaskInstance(**{name: one[name] for name in names}) for one in found]

    def log(self, dag_id: str, run_id: str, task: TaskInstance) -> list[str]:
        """The lines of the task's last try."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs/{task.try_number}"
        content = self._get(path, full_content="true", map_index=task.map_index)["content"]
        return [line for event in content for line in _lines(event)]

    def run_link(self, dag_id: str, run_id: str) -> str:
        return f"{self._url}/dags/{dag_id}/runs/{run_id}"

    def task_link(self, dag_id: str, run_id: str, task: TaskInstance) -> str:
        mapped = f"/mapped/{task.map_index}" if task.map_index >= 0 else ""
        return f"{self.run_link(dag_id, run_id)}/tasks/{task.task_id}{mapped}"

    def _here(self, file: str) -> Path:
        path = Path(file)
        return self._project / path.relative_to(MWAA_HOME) if path.is_relative_to(MWAA_HOME) else path

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._send("GET", path, params=query).json()
        return found

    def _send(self, method: str, path: str, allow: tuple[int, ...] = (), **arguments: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, headers={"Accept": "application/json"}, **arguments)
        except httpx.TransportError as error:
            raise AirflowUnreachableError(f"Airflow at {self._url} does not answer: {error!r}") from error
        if answer.status_code >= 500:
            raise AirflowUnreachableError(f"Airflow answered {answer.status_code} to {method} {path}.")
        if answer.is_error and answer.status_code not in allow:
            raise StackError(
                f"Airflow refused {method} {path} with {answer.status_code}: {answer.text[:500]}"
            )
        return answer


def _lines(event: Any) -> list[str]:
    """An event of a task's log as a person reads it, what went wrong included."""
    if isinstance(event, str):
        return event.splitlines()
    lines = str(event.get("event", "")).splitlines()
    for error in event.get("error_detail") or ():
        frames = error.get("frames") or ()
        lines += [f"  File {f['filename']}, line {f['lineno']}, in {f['name']}" for f in frames]
        lines.append(f"{error.get('exc_type')}: {error.get('exc_value')}")
    return lines
