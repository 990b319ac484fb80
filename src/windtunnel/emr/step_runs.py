"""Steps that run: launched once, watched, cancelled; how they end is told in `step_ends`."""

import json
import logging
from collections.abc import Sequence

from windtunnel.emr import store
from windtunnel.emr.folders import STEP_LOGS, RunFolder
from windtunnel.emr.runtime import remarks
from windtunnel.emr.schema import Cluster, Step
from windtunnel.emr.states import OPEN_CLUSTER_STATES, STARTED_STEP_STATES, StepState
from windtunnel.emr.step_ends import StepEnds, note
from windtunnel.emr.store import Store
from windtunnel.emr.transitions import change_state
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop import processes
from windtunnel.hadoop.node_view import refusal_of, view_of
from windtunnel.hadoop.processes import ProcessState

NOT_AT_THEIR_PATHS = (
    "what EMR has in /mnt/var/lib/info, /etc/hadoop/conf and /etc/spark/conf is in the folders that "
    "WINDTUNNEL_NODE_INFO, HADOOP_CONF_DIR and SPARK_CONF_DIR name."
)

log = logging.getLogger(__name__)


class StepRuns:
    """The running steps of one cluster."""

    def __init__(self, db: Store, ends: StepEnds, daemons: hadoop.Cluster) -> None:
        self._store = db
        self._ends = ends
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
        folders = (self._ends.folder(step).process for step in self._started)
        return all(processes.observe(folder).state is ProcessState.RUNNING for folder in folders)

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
        run = self._ends.folder(step)
        status = processes.observe(run.process)
        if status.state is ProcessState.ABSENT:
            self._launch(cluster, step)  # we died between storing RUNNING and launching
        elif status.state is ProcessState.RUNNING:
            self._cancel_if_asked(step, run)
        else:
            self._ends.conclude(cluster, step, status)

    def _launch(self, cluster: Cluster, step: Step) -> None:
        """Launch the step; what makes that impossible is this step's failure, not the cluster's."""
        try:
            self._try_to_launch(cluster, step)
        except Exception as error:
            log.exception("Step %s of %s could not be launched", step.id, cluster.id)
            # A shim that was too slow may still run it: only what can't is failed.
            if processes.give_up(self._ends.folder(step).process):
                self._ends.fail(cluster, step, f"The step could not be launched: {error}")

    def _try_to_launch(self, cluster: Cluster, step: Step) -> None:
        run = self._ends.folder(step)
        run.path.mkdir(parents=True, exist_ok=True)
        for name in STEP_LOGS:
            run.log(name).touch()
        note(run, f"Step '{step.name}' ({step.id}) of {cluster.name} ({cluster.id}), {cluster.release_label}")
        with self._store.reading() as session:
            groups = store.instance_groups(session, cluster.id)
        for line in remarks(cluster, groups, self._daemons.spec.distribution):
            note(run, line)
        refusal = refusal_of(self._daemons.spec.folder)
        if refusal:
            note(run, f"This machine permits no mount namespace ({refusal}): {NOT_AT_THEIR_PATHS}")
        argv = self._daemons.step_argv(step.jar, step.main_class, step.properties, step.args, run.path)
        note(run, f"Running {json.dumps(argv)}")
        environment = self._daemons.step_environment(run.path)
        view = view_of(self._daemons.spec.folder)
        logs = run.log("stdout"), run.log("stderr")
        request = processes.Request(tuple(argv), environment, run.path, *logs, view)
        processes.launch(run.process, request)
        for label, url in self._daemons.links().items():  # YARN is asked: no step waits for its answer
            note(run, f"{label}: {url}")

    def _cancel_if_asked(self, step: Step, run: RunFolder) -> None:
        # StepRuns may be new after a restart: a signal that is sent twice does no harm, a lost one does.
        if step.cancel_option == "TERMINATE_PROCESS":
            note(run, "Cancelled: sending SIGKILL to the process and all that it started")
            processes.kill(run.process)
        elif step.cancel_option == "SEND_INTERRUPT" and not (run.path / "interrupted").exists():
            note(run, "Cancelled: sending SIGTERM to the process")
            processes.interrupt(run.process)
            (run.path / "interrupted").touch()
