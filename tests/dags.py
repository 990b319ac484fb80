"""The project's DAGs, loaded by the pinned Airflow with options of a test's choice."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.project import ROOT
from windtunnel.stack.environment import option_variables
from windtunnel.stack.project import read_project

LOAD = ROOT / "tests" / "unit" / "dags" / "load.py"


def project_options() -> dict[str, str]:
    return option_variables(read_project(ROOT).mwaa.configuration_options)


def load(airflow_python: Path, options: list[dict[str, str]], home: Path) -> list[dict[str, Any]]:
    """What that Airflow finds in dags/, for each set of options."""
    variables = {
        "PATH": os.defpath,
        "AIRFLOW_HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Whoever asks AWS while a DAG is read is told that there is none.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }
    loaded = subprocess.run(
        [airflow_python, LOAD, ROOT / "dags", json.dumps(options)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    found: list[dict[str, Any]] = json.loads(loaded.stdout.splitlines()[-1])
    return found


def job_flow(found: dict[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = found["dags"]["salary_pipeline"]["tasks"]["create_cluster"][
        "job_flow_overrides"
    ]
    return request


def task(found: dict[str, Any], task_id: str, dag: str = "salary_pipeline") -> dict[str, Any]:
    described: dict[str, Any] = found["dags"][dag]["tasks"][task_id]
    return described
