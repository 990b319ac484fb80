"""How steps end: truthfully, with their logs saved, and with what ActionOnFailure says done."""

import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.emr import failure, store
from windtunnel.emr.clusters import begin_termination
from windtunnel.emr.failure import UNKNOWN
from windtunnel.emr.folders import RunFolder
from windtunnel.emr.logs import LogShipper
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster, Step
from windtunnel.emr.states import ACTIVE_STEP_STATES, STARTED_STEP_STATES, StepState
from windtunnel.emr.steps import CANCEL_AND_WAIT, TERMINATE_CLUSTER, cancel_pending
from windtunnel.emr.store import Store
from windtunnel.emr.transitions import change_state
from windtunnel.hadoop import processes
from windtunnel.hadoop.processes import Outcome, ProcessState, Status

FIRST_CONTAINER = "_000001"
"""Where an application master runs, and in it the driver in cluster mode."""
LOST = "The process of the step was lost: it was killed, or this machine was restarted."

log = logging.getLogger(__name__)


class StepEnds:
    """Ends the steps of one cluster. Needs nothing of what they ran on: an end must always be possible."""

    def __init__(self, db: Store, runtime: Runtime, shipper: LogShipper) -> None:
        self._store = db
        self._runtime = runtime
        self._shipper = shipper

    def folder(self, step: Step) -> RunFolder:
        """Where the step's process and logs are."""
        return self._runtime.folder(step.cluster_id).step(step.id)

    def end_all(self, cluster: Cluster) -> bool:
        """The cluster is ending: kill the steps that run, conclude those that have ended. True when none is left."""
        with self._store.reading() as session:
            started = store.steps(session, cluster.id, STARTED_STEP_STATES)
        for step in started:
            run = self.folder(step)
            ours = _claim_end(run)
            processes.kill(run.process)
            status = processes.observe(run.process)
            well = status.outcome is not None and status.outcome.exit_code == 0
            if status.state is ProcessState.ABSENT or (ours and not well):
                note(run, "The step was cancelled, as the cluster is shutting down.")
                self._store_end(step, StepState.CANCELLED, {}, message="Job terminated")
            else:
                self.conclude(cluster, step, status)
        return not started

    def conclude(self, cluster: Cluster, step: Step, status: Status) -> None:
        """The process of the step is gone: what that means for the step, with its logs saved before it is told."""
        run = self.folder(step)
        processes.kill(run.process)  # ~: what a step leaves in the background ends with it
        outcome = status.outcome
        note(run, _ending(outcome))
        applications = failure.submitted_applications(run.log("stderr"))
        if outcome is not None and outcome.exit_code == 0:
            details: dict[str, Any] = {}
            state = StepState.COMPLETED
        elif step.state is StepState.CANCEL_PENDING:
            details, state = {}, StepState.CANCELLED
        else:
            details, state = self._failure(cluster, run, outcome, applications), StepState.FAILED
        self._ship(cluster, run, applications)
        self._store_end(step, state, details, applications=applications)

    def fail(self, cluster: Cluster, step: Step, message: str) -> None:
        """The step can't be run at all."""
        run = self.folder(step)
        note(run, message)
        self._ship(cluster, run, [])
        self._store_end(step, StepState.FAILED, self._details(cluster, message, run.log("controller")))

    def _containers(self, cluster: Cluster, applications: list[str]) -> list[Path]:
        folder = self._runtime.folder(cluster.id)
        return [container for app in applications for container in folder.containers(app)]

    def _ship(self, cluster: Cluster, run: RunFolder, applications: list[str]) -> None:
        """One try, so that whoever sees the end finds the logs; what fails follows later."""
        if cluster.log_uri:
            folders = [run.path, *self._containers(cluster, applications)]
            self._shipper.ship(self._runtime.folder(cluster.id), cluster.log_uri, folders)

    def _store_end(
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
            return self._details(cluster, LOST, run.log("controller"))
        drivers = [
            folder / name
            for folder in self._containers(cluster, applications)
            if folder.name.endswith(FIRST_CONTAINER)
            for name in ("stdout", "stderr")
        ]
        cause = failure.explain([run.log("stderr"), run.log("stdout")], drivers)
        if cause is None:
            said = failure.last_line(run.log("stderr"))
            ending = f"{_ending(outcome)}; its last line: {said}" if said else _ending(outcome)
            cause = failure.Cause(ending, run.log("stderr"))
        return self._details(cluster, cause.message, cause.log)

    def _details(self, cluster: Cluster, message: str, log: Path) -> dict[str, Any]:
        key = self._runtime.folder(cluster.id).log_key(log)
        file = f"{cluster.log_uri}{cluster.id}/{key}" if cluster.log_uri else str(log)
        return {"Reason": UNKNOWN, "Message": message, "LogFile": file}


def act_on_failure(session: Session, cluster: Cluster, step: Step) -> None:
    """What ActionOnFailure says, in the transaction in which the step becomes FAILED.

    Nothing where the level of concurrency was raised above 1 meanwhile, as AWS documents of StepConfig.
    """
    if cluster.step_concurrency > 1:
        return
    if step.action_on_failure == TERMINATE_CLUSTER and not cluster.termination_protected:
        begin_termination(session, cluster, "STEP_FAILURE", "Shut down as step failed")
    elif step.action_on_failure in (TERMINATE_CLUSTER, CANCEL_AND_WAIT):
        # ~: a protected cluster stays up, its pending steps cancelled
        cancel_pending(session, cluster.id, "Job terminated")


def _claim_end(run: RunFolder) -> bool:
    """Whether it is the cluster's end that ends this step. Kept before the kill, to be known after a crash too."""
    mark = run.path / "shut-down"
    running = processes.observe(run.process).state is ProcessState.RUNNING
    if running:
        with suppress(OSError):  # a full disk must not keep it alive
            mark.touch()
    return running or mark.exists()


def note(run: RunFolder, line: str) -> None:
    """A line in the step's controller log: EMR's own words on what was done. Nothing depends on it."""
    moment = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
    try:
        with run.log("controller").open("a") as controller:
            controller.write(f"{moment} INFO {line}\n")
    except OSError as error:
        log.warning("%s could not be written (%s): %s", run.log("controller"), error, line)


def _ending(outcome: Outcome | None) -> str:
    if outcome is None:
        return "The process was lost: it was killed, or this machine was restarted"
    seconds = outcome.ended_at - outcome.started_at
    if outcome.signal is not None:
        return f"The process was ended by signal {outcome.signal} after {seconds:.1f} seconds"
    return f"The process ended with exit code {outcome.exit_code} after {seconds:.1f} seconds"
