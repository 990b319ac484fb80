"""Run by Airflow's interpreter: loads the project's DAGs once for each set of options, and tells what it found as JSON.

python load.py DAGS-FOLDER '[{"AIRFLOW__SECTION__KEY": "value"}, …]'
"""

import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from airflow.configuration import AirflowConfigParser  # type: ignore[import-not-found]
from airflow.models import DagBag  # type: ignore[import-not-found]

SECTION = "salary_pipeline"


def load(folder: str, options: dict[str, str]) -> dict[str, Any]:
    """The DAGs by name, the import errors, the options that were read, the warnings that the project's files caused."""
    for name in [name for name in os.environ if name.startswith(f"AIRFLOW__{SECTION.upper()}__")]:
        del os.environ[name]
    os.environ.update(options)
    read: set[str] = set()
    get = AirflowConfigParser.get

    def recording(parser: AirflowConfigParser, section: str, key: str, *given: Any, **named: Any) -> Any:
        if section == SECTION:
            read.add(key)
        return get(parser, section, key, *given, **named)

    AirflowConfigParser.get = recording
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            bag = DagBag(folder, include_examples=False)
    finally:
        AirflowConfigParser.get = get
    return {
        "errors": list(bag.import_errors.values()),
        "options": sorted(read),
        "warnings": [str(one.message) for one in caught if Path(one.filename).is_relative_to(folder)],
        "dags": {dag.dag_id: describe(dag) for dag in bag.dags.values()},
    }


def describe(dag: Any) -> dict[str, Any]:
    return {
        "timetable": getattr(dag.timetable, "summary", ""),  # Airflow 3.2 keeps it to the scheduler
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "params": dag.params.dump(),
        "tasks": {task.task_id: describe_task(task) for task in dag.topological_sort()},
    }


def describe_task(task: Any) -> dict[str, Any]:
    given = (
        "job_flow_overrides",
        "steps",
        "deferrable",
        "poke_interval",
        "timeout",
        "max_attempts",
        "waiter_delay",
    )
    return {
        "operator": task.task_type,
        "module": type(task).__module__,
        "upstream": sorted(task.upstream_task_ids),
        "trigger_rule": str(task.trigger_rule),
        "retries": task.retries,
        "is_setup": task.is_setup,
        "is_teardown": task.is_teardown,
        **{name: getattr(task, name) for name in given if hasattr(task, name)},
    }


if __name__ == "__main__":
    logging.disable()
    found = [load(sys.argv[1], options) for options in json.loads(sys.argv[2])]
    print(json.dumps(found, default=str))
