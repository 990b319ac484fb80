"""Run by Airflow's interpreter: the tasks of the project's DAGs, one after the other, and the calls they make to AWS.

python calls.py DAGS-FOLDER

Nothing is sent: each call is noted and answered as if all went well. Prints {"DAG": ["service:Operation", …]}.
"""

import asyncio
import importlib
import json
import logging
import sys
from typing import Any

from aiobotocore.client import AioBaseClient  # type: ignore[import-not-found]
from airflow.exceptions import TaskDeferred  # type: ignore[import-not-found]
from airflow.models import DagBag  # type: ignore[import-not-found]
from botocore.client import BaseClient

ANSWERS: dict[str, dict[str, Any]] = {
    "RunJobFlow": {"JobFlowId": "j-1"},
    "DescribeCluster": {"Cluster": {"LogUri": "s3://bucket/logs/emr/", "Status": {"State": "TERMINATED"}}},
    "AddJobFlowSteps": {"StepIds": ["s-1"]},
    "TerminateJobFlows": {},
}
calls: list[str] = []
polls = iter(range(1000))


def answer(client: Any, operation: str) -> dict[str, Any]:
    calls.append(f"{client.meta.service_model.signing_name}:{operation}")
    if operation == "DescribeStep":  # not at once, so that the twin defers
        state = "COMPLETED" if next(polls) % 2 else "RUNNING"
        content: dict[str, Any] = {"Step": {"Status": {"State": state}}}
    else:
        content = ANSWERS.get(operation, {})
    return {**content, "ResponseMetadata": {"HTTPStatusCode": 200}}


def make_api_call(client: Any, operation: str, _: Any) -> dict[str, Any]:
    return answer(client, operation)


async def make_api_call_later(client: Any, operation: str, _: Any) -> dict[str, Any]:
    return answer(client, operation)


class TaskInstance:
    """What operators use of one."""

    def xcom_push(self, **_: Any) -> None:
        pass


async def first_event(path: str, arguments: dict[str, Any]) -> Any:
    module, _, name = path.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**arguments)
    async for event in trigger.run():
        return event.payload
    return None


def run(task: Any) -> None:
    context = {"ti": TaskInstance(), "task_instance": TaskInstance()}
    if hasattr(task, "poke_interval"):
        task.poke_interval = 1
    try:
        task.execute(context)
    except TaskDeferred as deferred:
        event = asyncio.run(first_event(*deferred.trigger.serialize()))
        getattr(task, deferred.method_name)(context, event=event)


if __name__ == "__main__":
    logging.disable()
    BaseClient._make_api_call = make_api_call  # type: ignore[attr-defined]
    AioBaseClient._make_api_call = make_api_call_later
    made = {}
    for dag in DagBag(sys.argv[1], include_examples=False).dags.values():
        calls.clear()
        for task in dag.topological_sort():
            run(task)
        made[dag.dag_id] = list(calls)
    print(json.dumps(made))
