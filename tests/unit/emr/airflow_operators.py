"""Run by Airflow's interpreter: its operators and sensors of EMR, as a worker and a triggerer run them.

Prints what became of each as JSON. The endpoint and keys are in the environment, as in a stack.
"""

import asyncio
import importlib
import json
import logging
from typing import Any

from airflow.exceptions import TaskDeferred  # type: ignore[import-not-found]
from airflow.providers.amazon.aws.operators.emr import (  # type: ignore[import-not-found]
    EmrAddStepsOperator,
    EmrCreateJobFlowOperator,
    EmrModifyClusterOperator,
    EmrTerminateJobFlowOperator,
)
from airflow.providers.amazon.aws.sensors.emr import (  # type: ignore[import-not-found]
    EmrJobFlowSensor,
    EmrStepSensor,
)
from airflow.providers.amazon.aws.utils.waiter import WaitPolicy  # type: ignore[import-not-found]

SOON: dict[str, Any] = {"waiter_delay": 1, "waiter_max_attempts": 100}
POKE: dict[str, Any] = {"poke_interval": 1, "timeout": 100}
FAILS = "raise ValueError('no such header')"


class TaskInstance:
    """What operators use of one."""

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        self.xcoms[key] = value


async def first_event(path: str, arguments: dict[str, Any]) -> Any:
    """What the trigger, made anew from its serialized form, tells first."""
    module, _, name = path.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**arguments)
    async for event in trigger.run():
        return event.payload
    return None


def run(operator: Any) -> dict[str, Any]:
    """What the operator returns or fails with; whether it deferred; what it pushed."""
    instance = TaskInstance()
    context = {"ti": instance, "task_instance": instance}
    told: dict[str, Any] = {"deferred": False, "returned": None, "error": None, "xcoms": instance.xcoms}
    try:
        try:
            told["returned"] = operator.execute(context)
        except TaskDeferred as deferred:
            told["deferred"] = True
            event = asyncio.run(first_event(*deferred.trigger.serialize()))
            told["returned"] = getattr(operator, deferred.method_name)(context, event=event)
    except Exception as error:  # noqa: BLE001  # the outcome of a task that fails
        told["error"] = f"{type(error).__name__}: {error}"
    return told


def job_flow(name: str, *steps: dict[str, Any], keep: bool = True) -> dict[str, Any]:
    instances = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": keep}
    about = {"Name": name, "ReleaseLabel": "emr-7.13.0", "LogUri": "s3://logs/emr/"}
    return {**about, "Instances": instances, "Steps": list(steps)}


def step(*argv: str, action: str = "CONTINUE") -> dict[str, Any]:
    jar = {"Jar": "command-runner.jar", "Args": list(argv)}
    return {"Name": argv[0], "ActionOnFailure": action, "HadoopJarStep": jar}


def create(name: str, *steps: dict[str, Any], keep: bool = True, **options: Any) -> Any:
    overrides = job_flow(name, *steps, keep=keep)
    return EmrCreateJobFlowOperator(task_id="create", job_flow_overrides=overrides, **SOON, **options)


def add(cluster: str | None, *argv: str, **options: Any) -> Any:
    return EmrAddStepsOperator(task_id="add", job_flow_id=cluster, steps=[step(*argv)], **SOON, **options)


def steps_and_their_ends(cluster: str) -> dict[str, Any]:
    """Steps that end well and badly, awaited in each of the ways there are."""
    told = {}
    for kind, argv in (("good", ("true",)), ("bad", ("python3", "-c", FAILS))):
        told[f"{kind} step, awaited"] = run(add(cluster, *argv, wait_for_completion=True))
        told[f"{kind} step, deferred"] = run(add(cluster, *argv, deferrable=True))
        [step_id] = run(add(cluster, *argv))["returned"]
        for way in ("poked", "deferred"):
            of: dict[str, Any] = {"job_flow_id": cluster, "step_id": step_id, "deferrable": way == "deferred"}
            told[f"{kind} step, sensor {way}"] = run(EmrStepSensor(task_id="sense", **of, **POKE))
    [slow] = run(add(cluster, "sleep", "1"))["returned"]
    of = {"job_flow_id": cluster, "step_id": slow, "deferrable": True}
    told["slow step, sensor deferred"] = run(EmrStepSensor(task_id="sense", **of, **POKE))
    named = EmrAddStepsOperator(
        task_id="add", job_flow_name="plain", cluster_states=["RUNNING", "WAITING"], steps=[step("true")]
    )
    return {**told, "step by the cluster's name": run(named)}


def ends_of_clusters(plain: str, deferred: str) -> dict[str, Any]:
    """Clusters that are terminated, fail, or are killed with their task."""
    end = {"plain": (plain, False), "deferred": (deferred, True)}
    told = {
        f"{way} termination": run(
            EmrTerminateJobFlowOperator(task_id="end", job_flow_id=cluster, deferrable=defer, **SOON)
        )
        for way, (cluster, defer) in end.items()
    }
    told["sensor of an end"] = run(EmrJobFlowSensor(task_id="sense", job_flow_id=plain, **POKE))
    failing = step("python3", "-c", FAILS, action="TERMINATE_CLUSTER")
    failed = run(create("failing", failing, keep=False))["returned"]
    for way in ("poked", "deferred"):
        sensor = EmrJobFlowSensor(task_id="sense", job_flow_id=failed, deferrable=way == "deferred", **POKE)
        told[f"sensor of a failure, {way}"] = run(sensor)
    by_steps = {"wait_policy": WaitPolicy.WAIT_FOR_STEPS_COMPLETION}
    told["creation awaiting its steps"] = run(create("brief", step("true"), keep=False, **by_steps))
    told["creation that can't be"] = run(create("x" * 300))
    killed = create("killed")
    told["killed creation"] = run(killed)
    killed.on_kill()
    sensor = EmrJobFlowSensor(task_id="sense", job_flow_id=told["killed creation"]["returned"], **POKE)
    told["sensor of the killed one"] = run(sensor)
    return told


def main() -> dict[str, Any]:
    told = {
        "plain creation": run(create("plain")),
        "deferred creation": run(create("deferred", deferrable=True)),
    }
    plain, deferred = (told[f"{way} creation"]["returned"] for way in ("plain", "deferred"))
    up = {"target_states": ["RUNNING", "WAITING"]}
    told["sensor of a start"] = run(EmrJobFlowSensor(task_id="sense", job_flow_id=plain, **up, **POKE))
    told |= steps_and_their_ends(plain)
    modify = EmrModifyClusterOperator(task_id="modify", cluster_id=plain, step_concurrency_level=7)
    told["modification"] = run(modify)
    told |= ends_of_clusters(plain, deferred)
    return told


if __name__ == "__main__":
    logging.disable()
    print(json.dumps(main(), default=str))
