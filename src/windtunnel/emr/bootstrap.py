"""Bootstrap actions: on each node, one after the other, before its daemons start."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windtunnel.emr.folders import ACTION_LOGS, RunFolder
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop import processes
from windtunnel.hadoop.processes import ProcessState
from windtunnel.hadoop.spec import NODE_VARIABLE
from windtunnel.install.files import write_atomically

DONE = "DONE"


@dataclass(frozen=True)
class BootstrapFailure:
    """An action that did not end with 0."""

    number: int
    reason: str
    logs: Path


class BootstrapActions:
    """The actions of one cluster, moved along on one node at a time."""

    def __init__(self, runtime: Runtime, cluster: Cluster, daemons: hadoop.Cluster) -> None:
        self._runtime = runtime
        self._cluster = cluster
        self._daemons = daemons

    def advance(
        self, instance: Instance, group: InstanceGroup, instance_count: int
    ) -> str | BootstrapFailure | None:
        """Start or look after the node's next action: DONE when all have ended well, None while one runs.

        `instance_count` is of the whole cluster, for scripts that want to know.
        """
        folder = self._runtime.folder(self._cluster.id)
        for number, action in enumerate(self._cluster.bootstrap_actions, 1):
            run = folder.bootstrap_action(instance.ec2_id, number)
            status = processes.observe(run.process)
            if status.state is ProcessState.ABSENT:
                self._write_info(instance, group, instance_count)
                self._launch(run, action, instance)
                return None
            if status.state is ProcessState.RUNNING:
                return None
            outcome = status.outcome
            if outcome is None or outcome.exit_code != 0:
                how = "was lost" if outcome is None else f"returned {_how(outcome)}"
                return BootstrapFailure(number, how, run.path)
        return DONE

    def _launch(self, run: RunFolder, action: dict[str, Any], instance: Instance) -> None:
        run.path.mkdir(parents=True, exist_ok=True)
        for name in ACTION_LOGS:
            run.log(name).touch()
        script = [action["ScriptPath"], *action["Args"]]
        argv = self._daemons.step_argv("script-runner.jar", None, {}, script, run.path)
        run.log("controller").write_text(f"Running bootstrap action '{action['Name']}': {json.dumps(argv)}\n")
        environment = self._daemons.step_environment(run.path)
        environment[NODE_VARIABLE] = instance.ec2_id
        environment["WINDTUNNEL_NODE_INFO"] = str(self._info(instance))
        processes.launch(
            run.process,
            processes.Request(argv, environment, run.path, run.log("stdout"), run.log("stderr")),
        )

    def _info(self, instance: Instance) -> Path:
        return self._runtime.node_folder(instance) / "info"

    def _write_info(self, instance: Instance, group: InstanceGroup, instance_count: int) -> None:
        """instance.json and job-flow.json, as EMR has them in /mnt/var/lib/info."""
        master = group.role == "MASTER"
        info = self._info(instance)
        info.mkdir(parents=True, exist_ok=True)
        about_instance = {"isMaster": master, "instanceGroupId": group.id, "instanceRole": group.role.lower()}
        about_cluster = {
            "jobFlowId": self._cluster.id,
            "jobFlowCreationInstant": int(self._cluster.created_at * 1000),
            "masterPrivateDnsName": "localhost",
            "instanceCount": instance_count,
        }
        write_atomically(info / "instance.json", json.dumps(about_instance))
        write_atomically(info / "job-flow.json", json.dumps(about_cluster))


def _how(outcome: processes.Outcome) -> str:
    if outcome.signal is not None:
        return f"after signal {outcome.signal}"
    return "a non-zero return code" if outcome.exit_code != 127 else "exit code 127: it could not be found"
