"""Bootstrap actions: on each node, one after the other, before its daemons start."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from windtunnel.emr.folders import ACTION_LOGS, RunFolder
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop import processes
from windtunnel.hadoop.environment import INFO_VARIABLE
from windtunnel.hadoop.node_view import info_of, view_of
from windtunnel.hadoop.processes import ProcessState
from windtunnel.hadoop.spec import NODE_VARIABLE
from windtunnel.install.files import write_atomically

DONE = "DONE"
MOST_SECONDS = 60 * 60
"""How long one action may take."""
RUN_IF = "run-if"
"""EMR's own action, which runs another where a condition is met."""


@dataclass(frozen=True)
class BootstrapFailure:
    """An action that did not end with 0."""

    number: int
    reason: str
    logs: Path
    script: str
    exit_code: int | None = None


class BootstrapActions:
    """The actions of one cluster, moved along on one node at a time."""

    def __init__(self, runtime: Runtime, cluster: Cluster, daemons: hadoop.Cluster) -> None:
        self._runtime = runtime
        self._cluster = cluster
        self._daemons = daemons

    def advance(
        self, instance: Instance, groups: Sequence[InstanceGroup], instances: Sequence[Instance]
    ) -> str | BootstrapFailure | None:
        """Start or look after the node's next action: DONE when all have ended well, None while one runs.

        `groups` and `instances` are those of the whole cluster, for scripts that want to know.
        """
        folder = self._runtime.folder(self._cluster.id)
        group = next(one for one in groups if one.id == instance.group_id)
        about = {
            "instance": _about_node(group, is_alone=len(instances) == 1),
            "job-flow": self._about_cluster(groups, instances),
        }
        self._introduce(instance, group, about)
        for number, action in enumerate(self._cluster.bootstrap_actions, 1):
            run = folder.bootstrap_action(instance.ec2_id, number)
            status = processes.observe(run.process)
            if status.state is ProcessState.ABSENT:
                self._launch(run, action, instance, about)
                return None
            if status.state is ProcessState.RUNNING:
                return self._end_if_too_slow(number, run, action)
            outcome = status.outcome
            if outcome is None or outcome.exit_code != 0:
                how = "was lost" if outcome is None else f"returned {_how(outcome)}"
                code = outcome.exit_code if outcome else None
                return BootstrapFailure(number, how, run.path, action["ScriptPath"], code)
        return DONE

    def _introduce(self, instance: Instance, group: InstanceGroup, about: Mapping[str, Any]) -> None:
        node = self._runtime.node_folder(instance)
        told, now = info_of(node) / "job-flow.json", json.dumps(about["job-flow"])
        if told.exists() and told.read_text() == now:  # what is written last
            return
        self._daemons.introduce(node, is_master=group.role == "MASTER")
        for name, content in about.items():
            write_atomically(info_of(node) / f"{name}.json", json.dumps(content))

    def _end_if_too_slow(
        self, number: int, run: RunFolder, action: Mapping[str, Any]
    ) -> BootstrapFailure | None:
        began = processes.began_at(run.process)
        if began is None or time.time() - began < MOST_SECONDS:
            return None
        processes.kill(run.process)
        reason = f"did not end within {MOST_SECONDS // 60} minutes"
        return BootstrapFailure(number, reason, run.path, action["ScriptPath"])

    def _launch(
        self, run: RunFolder, action: dict[str, Any], instance: Instance, about: Mapping[str, Any]
    ) -> None:
        run.path.mkdir(parents=True, exist_ok=True)
        for name in ACTION_LOGS:
            run.log(name).touch()
        node = self._runtime.node_folder(instance)
        argv = self._argv(run, action, about)
        run.log("controller").write_text(f"Running bootstrap action '{action['Name']}': {json.dumps(argv)}\n")
        environment = self._daemons.step_environment(run.path)
        environment[NODE_VARIABLE] = instance.ec2_id
        environment[INFO_VARIABLE] = str(info_of(node))
        logs = run.log("stdout"), run.log("stderr")
        processes.launch(run.process, processes.Request(argv, environment, run.path, *logs, view_of(node)))

    def _argv(self, run: RunFolder, action: dict[str, Any], about: Mapping[str, Any]) -> tuple[str, ...]:
        script = [action["ScriptPath"], *action["Args"]]
        if PurePosixPath(script[0]).name == RUN_IF and len(script) > 2:
            condition, *script = script[1:]
            if not holds(condition, about):
                return ("echo", f"{condition} does not hold here, so there is nothing to do")
            if not script[0].startswith(("s3://", "s3n://", "s3a://", "hdfs://", "file:", "/")):
                return ("bash", "-c", " ".join(script))  # as a command line, which is how run-if takes it
        return self._daemons.step_argv("script-runner.jar", None, {}, script, run.path)

    def _about_cluster(
        self, groups: Sequence[InstanceGroup], instances: Sequence[Instance]
    ) -> dict[str, Any]:
        """job-flow.json."""
        master, *workers = groups
        of_master = [one.ec2_id for one in instances if one.group_id == master.id]
        return {
            "jobFlowId": self._cluster.id,
            "jobFlowCreationInstant": int(self._cluster.created_at * 1000),
            "instanceCount": len(instances),
            "masterInstanceId": next(iter(of_master), None),
            "masterPrivateDnsName": "localhost",
            "masterInstanceType": master.instance_type,
            "slaveInstanceType": workers[0].instance_type if workers else None,
            "hadoopVersion": self._daemons.spec.distribution.hadoop_version,
            "instanceGroups": [
                {
                    "instanceGroupId": group.id,
                    "instanceGroupName": group.name or group.role,
                    "instanceRole": group.role.capitalize(),
                    "marketType": "Spot" if group.market == "SPOT" else "OnDemand",
                    "instanceType": group.instance_type,
                    "requestedInstanceCount": group.requested,
                }
                for group in groups
            ],
        }


def _about_node(group: InstanceGroup, *, is_alone: bool) -> dict[str, Any]:
    """instance.json, as EMR has it in /mnt/var/lib/info beside job-flow.json."""
    is_master = group.role == "MASTER"
    return {
        "isMaster": is_master,
        "isRunningNameNode": is_master,
        "isRunningDataNode": is_alone or group.role == "CORE",
        "isRunningJobTracker": is_master,  # as EMR still calls YARN's daemons
        "isRunningTaskTracker": is_alone or not is_master,
        "instanceGroupId": group.id,
        "instanceRole": group.role.lower(),
    }


def holds(condition: str, about: Mapping[str, Any]) -> bool:
    """Whether a condition of run-if is met: `instance.isMaster=true`, `job-flow.instanceCount=3`."""
    place, _, wanted = condition.partition("=")
    file, _, key = place.strip().partition(".")
    found = about.get(file, {}).get(key)
    return found is not None and wanted.strip().lower() == str(found).lower()


def _how(outcome: processes.Outcome) -> str:
    if outcome.signal is not None:
        return f"after signal {outcome.signal}"
    return "a non-zero return code" if outcome.exit_code != 127 else "exit code 127: it could not be found"
