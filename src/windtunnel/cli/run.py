"""`windtunnel run`"""

import json
import os
import subprocess
from typing import TYPE_CHECKING, Annotated, Any

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.cli.tables import print_table
from windtunnel.cli.up import bring_up
from windtunnel.stack import calls
from windtunnel.stack.airflow.client import AirflowClient
from windtunnel.stack.environment import client_environment
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings
from windtunnel.stack.stack import Watch

if TYPE_CHECKING:
    from windtunnel.stack.run import Run

TOP_ROWS = 10


@with_settings
def main(
    settings: Settings,
    dag: Annotated[str, typer.Option(help="The DAG; [run] dag when left out.")] = "",
    conf: Annotated[str, typer.Option(help="The run's configuration, JSON, laid over [run] conf.")] = "{}",
) -> None:
    """What windtunnel.toml names under [run]: first its commands, then the DAG, then that DAG's results.

    Ctrl-C stops the watching, not the run.
    """
    merged = settings.project.run.conf | _parsed(conf)
    dag_id = dag or settings.project.run.dag
    if not dag_id:
        raise StackError(
            f"Which DAG? Say it with --dag, or with dag = … under [run] in {settings.project.file}."
        )
    stack = bring_up(settings)
    # What follows is a client of the stack, and of no AWS account of the user's.
    environment = client_environment(settings)
    os.environ.clear()
    os.environ.update(environment)
    for command in settings.project.run.before:
        _run_before(settings, command)
    _run_dag(settings, stack.watch(), dag_id, merged)
    # Another DAG than the project's leaves something else behind.
    if settings.project.run.show and dag_id == settings.project.run.dag:
        _show(settings.project.run.show)


def _parsed(conf: str) -> dict[str, Any]:
    try:
        found = json.loads(conf)
    except json.JSONDecodeError as error:
        raise StackError(f"--conf is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise StackError(f"--conf must be a JSON object, not {conf}")
    return found


def _run_before(settings: Settings, command: list[str]) -> None:
    print(f"$ {' '.join(command)}", flush=True)
    try:
        done = subprocess.run(command, cwd=settings.home, check=False)
    except OSError as error:
        raise StackError(f"{command[0]} of [run] before in {settings.project.file}: {error}") from error
    if done.returncode:
        raise StackError(
            f"`{' '.join(command)}`, which is to run before the DAG, ended with {done.returncode}."
        )


def _run_dag(settings: Settings, watch: Watch, dag_id: str, conf: dict[str, Any]) -> None:
    from windtunnel.stack.run import Run  # boto3, only when something runs

    with AirflowClient(settings.airflow_url, settings.home) as airflow:
        run = Run(airflow, watch, dag_id, lambda line: print(line, flush=True))
        try:
            run.start(conf)
            _follow(settings, run)
        except KeyboardInterrupt:
            if run.run_id:
                print(f"\nNo longer watching; the run goes on: {run.link}\n`make down` would end it.")
            raise


def _follow(settings: Settings, run: "Run") -> None:
    """Until the run has ended, and keep what it called, however it did."""
    from windtunnel.stack.run import RunFailedError

    code = calls.code_digest(settings.home)
    try:
        run.follow()
    except RunFailedError:
        _keep_calls(settings, run, code, succeeded=False)
        raise
    _keep_calls(settings, run, code, succeeded=True)


def _keep_calls(settings: Settings, run: "Run", code: str, *, succeeded: bool) -> None:
    try:
        found = calls.recorded(settings, run.dag_id, run.triggered_at, code, succeeded=succeeded)
    except calls.RecordingError as error:
        print(f"The run's calls to AWS are not kept: {error}")
        return
    calls.save(settings, found)
    print(f"{len(found.calls)} different calls to AWS were recorded.")


def _show(glob: str) -> None:
    from windtunnel.stack.results import tables

    for table in tables(glob, TOP_ROWS):
        more = f", the first {len(table.rows)} of {table.count} rows" if table.count > len(table.rows) else ""
        print()
        print_table(table.headers, table.rows, f"{table.name}{more}")
