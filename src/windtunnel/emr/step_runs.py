"""Steps that run: launched once, watched, cancelled, and ended truthfully."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.emr import failure, store
from windtunnel.emr.clusters import begin_termination
from windtunnel.emr.failure import UNKNOWN
from windtunnel.emr.folders import STEP_LOGS, RunFolder
from windtunnel.emr.logs import LogShipper
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster, Step
from windtunnel.emr.states import (
    ACTIVE_STEP_STATES,
    OPEN_CLUSTER_STATES,
    STARTED_STEP_STATES,
    StepState,
)
from windtunnel.emr.steps import CANCEL_AND_WAIT, TERMINATE_CLUSTER, cancel_pending
from windtunnel.emr.store import Store
from windtunnel.emr.transitions import change_state
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop import processes
from windtunnel.hadoop.processes import Outcome, ProcessState, Status

FIRST_CONTAINER = "_000001"
"""Where an application master runs, and in it the driver in cluster mode."""


class StepRuns:
    """The running steps of one cluster."""

    def __init__(self, db: Store, runtime: Runtime, shipper: LogShipper, daemons: hadoop.Cluster) -> None:
        self._store = db
        self._runtime = runtime
        self._shipper = shipper
        self._daemons = daemons
        self._started: Sequence[Step] = ()

    def advance(self, cluster: Cluster) -> None:
        """Look after the steps that have started, then start those that may."""
        with self._store.reading() as session:
            self._started = store.steps(session, cluster.id, STARTED_STEP_STATES)
        for step in self._started:
            self._look_after(cluster, step)
        for step in self._begin_what_may(cluster.id):
            self._launch(cluster, step)

    def run_on(self) -> bool:
        """Whether the steps that `advance` found started still run: if so, only a request changes anything."""
        folders = (self._folder(step).process for step in self._started)
        return all(processes.observe(folder).state is ProcessState.RUNNING for folder in folders)

    def cancel_started(self, cluster: Cluster) -> bool:
        """The cluster is ending: kill every started step. True when none is left."""
        with self._store.reading() as session:
            started = store.steps(session, cluster.id, STARTED_STEP_STATES)
        for step in started:
            run = self._folder(step)
            processes.kill(run.process)
            _note(run, "The step was cancelled, as the cluster is shutting down.")
            self._end(step, StepState.CANCELLED, {}, message="Job terminated")
        return not started

    def _folder(self, step: Step) -> RunFolder:
        return self._runtime.folder(step.cluster_id).step(step.id)

    def _begin_what_may(self, cluster_id: str) -> list[Step]:
        """PENDING -> RUNNING, in the order of submission, as far as StepConcurrencyLevel goes."""
        with self._store.reading() as session:
            if not store.steps(session, cluster_id, frozenset({StepState.PENDING})):
                return []
        with self._store.transaction() as session:
            cluster = store.find_cluster(session, cluster_id)
            if cluster is None or cluster.state not in OPEN_CLUSTER_STATES:
                return []
            room = cluster.step_concurrency - len(store.steps(session, cluster_id, STARTED_STEP_STATES))
            begun = list(store.steps(session, cluster_id, frozenset({StepState.PENDING})))[: max(0, room)]
            for step in begun:
                change_state(session, step, StepState.RUNNING)
            return begun

    def _look_after(self, cluster: Cluster, step: Step) -> None:
        run = self._folder(step)
        status = processes.observe(run.process)
        if status.state is ProcessState.ABSENT:
            self._launch(cluster, step)  # we died between storing RUNNING and launching
        elif status.state is ProcessState.RUNNING:
            self._cancel_if_asked(step, run)
        else:
            self._conclude(cluster, step, run, status)

    def _launch(self, cluster: Cluster, step: Step) -> None:
        run = self._folder(step)
        run.path.mkdir(parents=True, exist_ok=True)
        for name in STEP_LOGS:
            run.log(name).touch()
        argv = self._daemons.step_argv(step.jar, step.main_class, step.properties, step.args, run.path)
        _note(
            run, f"Step '{step.name}' ({step.id}) of {cluster.name} ({cluster.id}), {cluster.release_label}"
        )
        _note(run, f"Running {json.dumps(argv)}")
        for label, url in self._daemons.links().items():
            _note(run, f"{label}: {url}")
        environment = self._daemons.step_environment(run.path)
        request = processes.Request(tuple(argv), environment, run.path, run.log("stdout"), run.log("stderr"))
        processes.launch(run.process, request)

    def _cancel_if_asked(self, step: Step, run: RunFolder) -> None:
        # StepRuns may be new after a restart: a signal that is sent twice does no harm, a lost one does.
        if step.cancel_option == "TERMINATE_PROCESS":
            _note(run, "Cancelled: sending SIGKILL to the process and all that it started")
            processes.kill(run.process)
        elif step.cancel_option == "SEND_INTERRUPT" and not (run.path / "interrupted").exists():
            _note(run, "Cancelled: sending SIGTERM to the process")
            processes.interrupt(run.process)
            (run.path / "interrupted").touch()

    def _conclude(self, cluster: Cluster, step: Step, run: RunFolder, status: Status) -> None:
        processes.kill(run.process)  # what a step leaves in the background ends with it, as on a node
        outcome = status.outcome
        _note(run, _ending(outcome))
        applications = failure.submitted_applications(run.log("stderr"))
        if outcome is not None and outcome.exit_code == 0:
            details: dict[str, Any] = {}
            state = StepState.COMPLETED
        elif step.state is StepState.CANCEL_PENDING:
            details, state = {}, StepState.CANCELLED
        else:
            details, state = self._failure(cluster, run, outcome, applications), StepState.FAILED
        if cluster.log_uri:
            self._ship(cluster, run, applications)
        self._end(step, state, details, applications=applications)

    def _containers(self, applications: list[str]) -> list[Path]:
        return [folder for app in applications for folder in self._daemons.container_logs(app).values()]

    def _ship(self, cluster: Cluster, run: RunFolder, applications: list[str]) -> None:
        """One try, so that whoever sees the end finds the logs; what fails follows later."""
        folders = [run.path, *self._containers(applications)]
        self._shipper.ship(self._runtime.folder(cluster.id), cluster.log_uri or "", folders)

    def _end(
        self,
        step: Step,
        state: StepState,
        details: dict[str, Any],
        *,
        applications: list[str] | None = None,
        message: str = "",
    ) -> None:
        with self._store.transaction() as session:
            fresh = store.find_step(session, step.cluster_id, step.id)
            cluster = store.find_cluster(session, step.cluster_id)
            if fresh is None or cluster is None or fresh.state not in ACTIVE_STEP_STATES:
                return
            if state is StepState.FAILED and fresh.state is StepState.CANCEL_PENDING:
                state, details = StepState.CANCELLED, {}  # the request to cancel came while we looked
            fresh.failure = details
            fresh.application_ids = applications or []
            change_state(session, fresh, state, message=message or fresh.reason_message)
            if state is StepState.FAILED:
                act_on_failure(session, cluster, fresh)

    def _failure(
        self, cluster: Cluster, run: RunFolder, outcome: Outcome | None, applications: list[str]
    ) -> dict[str, Any]:
        """FailureDetails: what the step's own logs say or, in cluster mode, the driver's container."""
        if outcome is None:
            message = "The process of the step was lost: it was killed, or this machine was restarted."
            return {
                "Reason": UNKNOWN,
                "Message": message,
                "LogFile": self._uri(cluster, run.log("controller")),
            }
        drivers = [
            folder / name
            for folder in self._containers(applications)
            if folder.name.endswith(FIRST_CONTAINER)
            for name in ("stdout", "stderr")
        ]
        cause = failure.explain([run.log("stderr"), run.log("stdout")], drivers)
        if cause is None:
            cause = failure.Cause(failure.last_line(run.log("stderr")) or _ending(outcome), run.log("stderr"))
        return {"Reason": UNKNOWN, "Message": cause.message, "LogFile": self._uri(cluster, cause.log)}

    def _uri(self, cluster: Cluster, path: Path) -> str:
        key = self._runtime.folder(cluster.id).log_key(path)
        return f"{cluster.log_uri}{cluster.id}/{key}" if cluster.log_uri else str(path)


def act_on_failure(session: Session, cluster: Cluster, step: Step) -> None:
    """What ActionOnFailure says, in the transaction in which the step becomes FAILED."""
    if step.action_on_failure == TERMINATE_CLUSTER and not cluster.termination_protected:
        begin_termination(session, cluster, "STEP_FAILURE", "Shut down as step failed")
    elif step.action_on_failure in (TERMINATE_CLUSTER, CANCEL_AND_WAIT):
        # ~: a protected cluster stays up, its pending steps cancelled
        cancel_pending(session, cluster.id, "Job terminated")


def _note(run: RunFolder, line: str) -> None:
    """A line in the step's controller log: EMR's own words on what was done."""
    moment = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
    with run.log("controller").open("a") as controller:
        controller.write(f"{moment} INFO {line}\n")


def _ending(outcome: Outcome | None) -> str:
    if outcome is None:
        return "The process was lost: it was killed, or this machine was restarted"
    seconds = outcome.ended_at - outcome.started_at
    if outcome.signal is not None:
        return f"The process was ended by signal {outcome.signal} after {seconds:.1f} seconds"
    return f"The process ended with exit code {outcome.exit_code} after {seconds:.1f} seconds"
