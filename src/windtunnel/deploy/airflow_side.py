"""Run by Airflow's interpreter, which has nothing of windtunnel: loads a project's DAGs, writes what it found as JSON.

    python -P airflow_side.py PROJECT-FOLDER RESULT-FILE

While a file of the project is read nothing reaches the network: each try is noted, with the project's own line, and
refused. The environment is the one that Airflow has on Amazon MWAA.
"""

import ast
import functools
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TRACEBACK_DEPTH = "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH"
PATIENCE_SECONDS = 90.0
"""How long a file is given here at least: a slow machine is no reason not to see what the file makes."""
EMR = "airflow.providers.amazon.aws.operators.emr"
NETWORK = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
}
"""Python's audit events of the network, and which of their arguments says where to."""

project = Path(sys.argv[1])
places: dict[int, tuple[str, int]] = {}
"""Where the project makes each task, by the task's identity."""
touches: list[dict[str, Any]] = []
reads: list[dict[str, Any]] = []
parsing = threading.Event()


def own_frame() -> tuple[str, int] | None:
    """The innermost line of the project that is being executed."""
    frame: Any = sys._getframe(1)
    while frame:
        if is_own(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


def is_own(file: str) -> bool:
    # This file lies in the project too where windtunnel's own source does.
    return file != __file__ and Path(file).is_relative_to(project) and "site-packages" not in file


def note(notes: list[dict[str, Any]], what: str) -> None:
    place = own_frame()
    found = {"file": place[0], "line": place[1], "what": what} if place else {}
    if found and found not in notes:
        notes.append(found)


def guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Of sys.addaudithook: refuses the network, whoever wants it; what the project wants is noted."""
    if event not in NETWORK:
        return
    where = arguments[NETWORK[event]]
    if event == "socket.connect" and isinstance(where, str | bytes):
        return  # a unix socket
    host = where[0] if isinstance(where, tuple) else where
    note(touches, host.decode() if isinstance(host, bytes) else str(host))
    raise ConnectionRefusedError("nothing may reach the network while DAGs are read")


@contextmanager
def watched() -> Iterator[None]:
    """Files of the project are read meanwhile."""
    parsing.set()
    try:
        yield
    finally:
        parsing.clear()


def note_places() -> None:
    """Have each task's place noted when it is made."""
    try:
        from airflow.sdk.bases.operator import BaseOperator  # type: ignore[import-not-found]
    except ImportError:
        from airflow.models.baseoperator import BaseOperator  # type: ignore[import-not-found]
    made = BaseOperator.__init__

    @functools.wraps(made)
    def init(task: Any, *given: Any, **named: Any) -> None:
        if place := own_frame():
            places[id(task)] = place
        made(task, *given, **named)

    BaseOperator.__init__ = init


def note_reads() -> None:
    """Have each Variable and Connection noted that is read while a file is, and answered by the environment alone."""
    from airflow.exceptions import AirflowNotFoundException  # type: ignore[import-not-found]
    from airflow.models import Connection, Variable  # type: ignore[import-not-found]

    def no_connection(name: str) -> Any:
        raise AirflowNotFoundException(f"The conn_id `{name}` isn't defined")

    Variable.get_variable_from_secrets = staticmethod(
        answered("Variable", Variable.get_variable_from_secrets, lambda _: None)
    )
    Connection.get_connection_from_secrets = staticmethod(
        answered("Connection", Connection.get_connection_from_secrets, no_connection)
    )
    try:
        from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType  # type: ignore[import-not-found]
        from airflow.sdk.execution_time import context  # type: ignore[import-not-found]
        from airflow.sdk.execution_time.comms import ErrorResponse  # type: ignore[import-not-found]
    except ImportError:  # Airflow 2
        return

    def not_found(kind: str) -> Callable[[str], Any]:
        def refuse(name: str) -> Any:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType[kind], detail={"name": name}))

        return refuse

    context._get_variable = answered("Variable", context._get_variable, not_found("VARIABLE_NOT_FOUND"))
    context._get_connection = answered(
        "Connection", context._get_connection, not_found("CONNECTION_NOT_FOUND")
    )


def answered(kind: str, ask: Callable[..., Any], without: Callable[[str], Any]) -> Callable[..., Any]:
    """`ask` where the environment knows the name; else the read is noted, and `without` is what comes of it."""
    prefix = {"Variable": "AIRFLOW_VAR_", "Connection": "AIRFLOW_CONN_"}[kind]

    def answer(*given: Any, **named: Any) -> Any:
        name = str([*given, *named.values()][0])
        if not parsing.is_set() or os.environ.get(prefix + name.upper()):
            return ask(*given, **named)
        note(reads, f"{kind} {name}")
        return without(name)

    return answer


def load() -> dict[str, Any]:
    """What Airflow finds in dags/ and plugins/."""
    from airflow.configuration import conf  # type: ignore[import-not-found]
    from airflow.models import DagBag
    from airflow.utils.file import list_py_file_paths  # type: ignore[import-not-found]

    limit = conf.getfloat("core", "dagbag_import_timeout")
    os.environ["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"] = str(max(PATIENCE_SECONDS, 3 * limit))
    folder = project / "dags"
    note_places()
    note_reads()
    with watched():
        bag = DagBag(str(folder), include_examples=False)
        plugin_errors = load_plugins()
        looked_at = {str(path) for path in list_py_file_paths(str(folder), safe_mode=True)}
        everything = {str(path) for path in list_py_file_paths(str(folder), safe_mode=False)}
        skipped = [path for path in sorted(everything - looked_at) if makes_a_dag(path)]
    errors = bag.import_errors | plugin_errors
    for dag in bag.dags.values():
        errors |= not_serializable(dag)
    slow = [one for one in bag.dagbag_stats if one.duration.total_seconds() > limit > 0]
    return {
        "errors": [{"file": str(file), "text": text} for file, text in errors.items()],
        "touches": touches,
        "reads": reads,
        "skipped": skipped,
        "limit": limit,
        "slow": [str(folder / one.file.lstrip("/")) for one in slow],
        "dags": {dag.dag_id: dag.fileloc for dag in bag.dags.values()},
        "tasks": [task for dag in bag.dags.values() for task in tasks_of(dag)],
    }


def load_plugins() -> dict[str, str]:
    """Why files in plugins/ cannot be imported, by file."""
    from airflow import plugins_manager  # type: ignore[import-not-found]

    plugins_manager.ensure_plugins_loaded()
    return {str(file): str(error) for file, error in plugins_manager.import_errors.items()}


def makes_a_dag(path: str) -> bool:
    """Whether a file that Airflow does not even look at would have made a DAG, by a module of the project's own."""
    from airflow.models import DagBag

    if not imports_a_maker(path):
        return False
    noted = len(touches), len(reads)
    bag = DagBag(os.devnull, include_examples=False)
    made = bool(bag.process_file(path, safe_mode=False))
    del touches[noted[0] :], reads[noted[1] :]  # on MWAA nothing of it is executed
    return made


def imports_a_maker(path: str) -> bool:
    """Whether it imports a module of the project that knows of DAGs. No other file is tried: it may be any program."""
    try:
        body = ast.parse(Path(path).read_bytes()).body
    except (SyntaxError, ValueError):
        return False
    names = {
        name.partition(".")[0]
        for statement in body
        for name in (
            [statement.module or ""]
            if isinstance(statement, ast.ImportFrom)
            else [one.name for one in statement.names]
            if isinstance(statement, ast.Import)
            else []
        )
    }
    return any(
        knows_dags(file)
        for folder in ("dags", "plugins")
        for name in names
        for file in (project / folder / f"{name}.py", *(project / folder / name).glob("**/*.py"))
        if name and file.is_file()
    )


def knows_dags(file: Path) -> bool:
    text = file.read_bytes().lower()
    return b"airflow" in text and b"dag" in text


def not_serializable(dag: Any) -> dict[str, str]:
    """Airflow keeps DAGs in its database, so one that cannot be written there is an import error too."""
    from airflow.serialization.serialized_objects import SerializedDAG  # type: ignore[import-not-found]

    try:
        SerializedDAG.to_dict(dag)
    except Exception as error:  # noqa: BLE001 - whatever it is, Airflow takes it for an import error
        return {dag.fileloc: f"{type(error).__name__}: {error}"}
    return {}


def tasks_of(dag: Any) -> Iterator[dict[str, Any]]:
    """The tasks that ask EMR for a cluster or for steps."""
    module = sys.modules.get(EMR)
    if module is None:
        return
    kinds = {"job_flow_overrides": module.EmrCreateJobFlowOperator, "steps": module.EmrAddStepsOperator}
    for task in dag.tasks:
        given = {**getattr(task, "partial_kwargs", {}), **vars(task)}
        for member, kind in kinds.items():
            if issubclass(getattr(task, "operator_class", type(task)), kind):
                file, line = places.get(id(task), (dag.fileloc, 0))
                yield {
                    "dag_id": dag.dag_id,
                    "task_id": task.task_id,
                    "file": file,
                    "line": line,
                    "kind": member,
                    "request": given.get(member),
                    "connection": given.get("emr_conn_id"),
                }


if __name__ == "__main__":
    os.environ[TRACEBACK_DEPTH] = "1000"
    sys.addaudithook(guard)
    logging.disable()
    Path(sys.argv[2]).write_text(json.dumps(load(), default=str))
