"""One cluster, moved one step closer to what is stored; safe to repeat, also after a crash anywhere."""

import logging
import shutil
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from windtunnel.emr import store
from windtunnel.emr.cluster_ports import ports_of_master
from windtunnel.emr.clusters import begin_termination, end_state
from windtunnel.emr.logs import LogShipper, log_folders
from windtunnel.emr.nodes import Nodes, View
from windtunnel.emr.resizing import settle
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.scaling import Scaling
from windtunnel.emr.schema import Cluster
from windtunnel.emr.spares import is_spare
from windtunnel.emr.states import (
    ACTIVE_STEP_STATES,
    UP_CLUSTER_STATES,
    ClusterState,
    InstanceGroupState,
    InstanceState,
)
from windtunnel.emr.step_ends import StepEnds
from windtunnel.emr.step_runs import StepRuns
from windtunnel.emr.store import Store
from windtunnel.emr.transitions import change_state
from windtunnel.hadoop import cluster as hadoop
from windtunnel.hadoop.processes import kill_all
from windtunnel.hadoop.spec import CLUSTER_VARIABLE
from windtunnel.install.errors import InstallError

HEALTH_SECONDS = 2
"""How often the daemons of a cluster that is up are looked at."""
RESIZING_SECONDS = 0.5
"""The same while nodes come or go."""
LOG_SECONDS = 10
"""How often the logs of running steps are copied."""
START_SECONDS = 300
"""How long the daemons may take until all are registered."""
HISTORY_SERVER_SECONDS = 5
"""How long a cluster waits for a step before it gets its history server, which is not to slow a step down."""
PROGRESS_SECONDS = 3
"""How often a cluster that waits for its release tells how far that is: each time is a write."""
SAVE_SECONDS = 20
"""How long the end of a cluster waits for an S3 that is down; the logs follow when it is back."""

RUNNING_MESSAGE = "Running step"
WAITING_MESSAGE = "Cluster ready to run steps."
IDLE_MESSAGE = (
    "Terminated by its auto-termination policy: it was idle for too long"  # ~: EMR's own words are unknown
)

log = logging.getLogger(__name__)


class ClusterReconciler:
    """Moves one cluster along. What it remembers may be lost: all that counts is in the store."""

    def __init__(self, db: Store, runtime: Runtime, shipper: LogShipper, cluster_id: str) -> None:
        self._store = db
        self._runtime = runtime
        self._shipper = shipper
        self._id = cluster_id
        self._ends = StepEnds(db, runtime, shipper)
        self._scaling = Scaling(db)
        self._parts: tuple[hadoop.Cluster, Nodes, StepRuns] | None = None
        self._made_of: tuple[object, ...] = ()
        self._prepared = False
        self._health_due = 0.0
        self._logs_due = 0.0
        self._progress_due = 0.0
        self._starting_since = time.monotonic()
        self._ending_since: float | None = None
        self._seen: int | None = None
        self._quiet_until = 0.0

    def tick(self) -> None:
        """One step closer. Never waits for long, so that it can be called some times a second."""
        version = self._store.version
        if version == self._seen and time.monotonic() < self._quiet_until and self._steps_run_on():
            return
        self._quiet_until = 0.0
        view = View.read(self._store, self._id)
        if view is None:
            return
        match view.cluster.state:
            case ClusterState.STARTING:
                self._provision(view.cluster)
            case ClusterState.BOOTSTRAPPING:
                self._bootstrap(view)
            case ClusterState.RUNNING | ClusterState.WAITING:
                self._work(view)
            case ClusterState.TERMINATING:
                self._terminate(view)
        self._seen = version  # of before: what this tick changed is looked at by the next

    def end(self, code: str, message: str, details: Sequence[dict[str, Any]] = ()) -> None:
        """Let the cluster end for this reason; `details` are the API's ErrorDetails."""
        with self._store.transaction() as session:
            cluster = store.find_cluster(session, self._id)
            if cluster is not None:
                begin_termination(session, cluster, code, message, details)

    # STARTING -> BOOTSTRAPPING

    def _provision(self, cluster: Cluster) -> None:
        try:
            installed = self._runtime.distribution(cluster.release_label)
        except (InstallError, OSError) as error:
            log.exception("%s could not be installed", cluster.release_label)
            self.end("INTERNAL_ERROR", f"{cluster.release_label} could not be installed: {error}")
            return
        if installed is None:
            self._say_what_is_installed(cluster)
            return
        with self._store.transaction() as session:
            fresh = store.find_cluster(session, self._id)
            if fresh is None or fresh.state is not ClusterState.STARTING:
                return
            if not fresh.ports:  # a spare's heir has them
                fresh.ports = ports_of_master(session, fresh, self._runtime.config.web_ports)
            change_state(session, fresh, ClusterState.BOOTSTRAPPING)
            settle(session, fresh, self._runtime.config)
        self._starting_since = time.monotonic()

    def _say_what_is_installed(self, cluster: Cluster) -> None:
        now = time.monotonic()
        if now >= self._progress_due:
            self._progress_due = now + PROGRESS_SECONDS
            parts = self._runtime.installing(cluster.release_label)
            self._say(cluster, f"Installing {cluster.release_label}" + (f": {parts}" if parts else ""))

    def _say(self, cluster: Cluster, sentence: str) -> None:
        """What the cluster waits for, readable in its StateChangeReason."""
        if cluster.reason_message == sentence:
            return
        with self._store.transaction() as session:
            fresh = store.find_cluster(session, self._id)
            if fresh is not None and fresh.state is cluster.state:
                fresh.reason_message = sentence

    # BOOTSTRAPPING -> RUNNING

    def _bootstrap(self, view: View) -> None:
        daemons, nodes, _ = self._running_parts(view)
        if not self._prepared:
            daemons.prepare()
            self._prepared = True
        nodes.settle(view)
        if trouble := nodes.advance(view):
            self.end(trouble.code, trouble.message, trouble.details)
            return
        if nodes.run_bootstrap_actions:
            self._starting_since = time.monotonic()
        elif time.monotonic() - self._starting_since > START_SECONDS:
            logs = self._runtime.folder(self._id).path
            self.end("INTERNAL_ERROR", f"Not all daemons were up after {START_SECONDS} seconds: see {logs}")
            return
        after = View.read(self._store, self._id)
        if after is None or not all(instance.state is InstanceState.RUNNING for instance in after.instances):
            return
        with self._store.transaction() as session:
            fresh = store.find_cluster(session, self._id)
            if fresh is None or fresh.state is not ClusterState.BOOTSTRAPPING:
                return
            for group in store.instance_groups(session, self._id):
                if group.state is InstanceGroupState.BOOTSTRAPPING:
                    change_state(session, group, InstanceGroupState.RUNNING, message=group.reason_message)
            change_state(session, fresh, ClusterState.RUNNING, message=RUNNING_MESSAGE)

    # RUNNING <-> WAITING, -> TERMINATING

    def _work(self, view: View) -> None:
        daemons, nodes, step_runs = self._running_parts(view)
        now = time.monotonic()
        if nodes.settle(view):
            self._health_due = now
        step_runs.advance(view.cluster)
        if now >= self._health_due:
            self._health_due = now + (HEALTH_SECONDS if view.is_settled else RESIZING_SECONDS)
            if trouble := nodes.advance(view):
                self.end(trouble.code, trouble.message, trouble.details)
                return
            self._scaling.advance(view.cluster, view.groups, nodes.status, daemons.metrics)
            self._while_idle(view.cluster, daemons)
        if view.cluster.log_uri and now >= self._logs_due:
            saved = self._ship_logs(view.cluster)
            # A log is copied whole: the longer that takes, the more seldom. An S3 that is away tells nothing of it.
            pause = 20 * (time.monotonic() - now) if saved else 0
            self._logs_due = time.monotonic() + max(LOG_SECONDS, pause)
        self._settle()
        self._quiet_until = (
            min(self._health_due, self._logs_due) if view.cluster.log_uri else self._health_due
        )

    def _steps_run_on(self) -> bool:
        return self._parts is not None and self._parts[2].run_on()

    def _settle(self) -> None:
        """RUNNING with steps, WAITING without, and the end of a cluster that has nothing left to do."""
        with self._store.reading() as session:
            if self._next_state(session) is None:
                return
        with self._store.transaction() as session:
            cluster = store.find_cluster(session, self._id)
            match self._next_state(session), cluster:
                case ClusterState.WAITING, Cluster():
                    change_state(session, cluster, ClusterState.WAITING, message=WAITING_MESSAGE)
                    cluster.idle_since = time.time()
                case ClusterState.RUNNING, Cluster():
                    change_state(session, cluster, ClusterState.RUNNING, message=RUNNING_MESSAGE)
                    cluster.idle_since = None
                case ClusterState.TERMINATING, Cluster():
                    begin_termination(session, cluster, "ALL_STEPS_COMPLETED", "Steps completed")
                case _:
                    pass

    def _next_state(self, session: Session) -> ClusterState | None:
        cluster = store.find_cluster(session, self._id)
        if cluster is None or cluster.state not in UP_CLUSTER_STATES:
            return None
        if store.steps(session, self._id, ACTIVE_STEP_STATES):
            return ClusterState.RUNNING if cluster.state is ClusterState.WAITING else None
        if not cluster.keep_alive:
            return ClusterState.TERMINATING
        return ClusterState.WAITING if cluster.state is ClusterState.RUNNING else None

    def _while_idle(self, cluster: Cluster, daemons: hadoop.Cluster) -> None:
        """A cluster that waits gets its history server, then counts towards its auto-termination."""
        if cluster.state is not ClusterState.WAITING or cluster.idle_since is None:
            return
        if time.time() - cluster.idle_since >= HISTORY_SERVER_SECONDS and not is_spare(cluster):
            daemons.start_history_server()
        if cluster.idle_timeout is None or time.time() - cluster.idle_since < cluster.idle_timeout:
            return
        busy = any(application.finished_at is None for application in daemons.applications())
        with self._store.transaction() as session:
            fresh = store.find_cluster(session, self._id)
            if (
                fresh is None
                or fresh.state is not ClusterState.WAITING
                or fresh.idle_since != cluster.idle_since
            ):
                return  # it was given work meanwhile
            if busy:
                fresh.idle_since = time.time()
            else:
                begin_termination(session, fresh, "ALL_STEPS_COMPLETED", IDLE_MESSAGE)

    # TERMINATING -> TERMINATED, TERMINATED_WITH_ERRORS

    def _terminate(self, view: View) -> None:
        if not self._ends.end_all(view.cluster):
            return
        kill_all(CLUSTER_VARIABLE, self._id)
        if is_spare(view.cluster):
            self._remove_spare()
            return
        saved = not view.cluster.log_uri or self._ship_logs(view.cluster)
        self._ending_since = self._ending_since or time.monotonic()
        if not saved and time.monotonic() - self._ending_since < SAVE_SECONDS:
            return
        folder = self._runtime.folder(self._id)
        folder.remove_data()  # before the end is stored: nobody looks at the cluster after that
        with self._store.transaction() as session:
            cluster = store.find_cluster(session, self._id)
            if cluster is None or cluster.state is not ClusterState.TERMINATING:
                return
            ended = {"code": "CLUSTER_TERMINATED", "message": "The cluster was terminated"}
            for instance in store.instances(session, self._id):
                if instance.state is not InstanceState.TERMINATED:
                    change_state(session, instance, InstanceState.TERMINATED, **ended)
            for group in store.instance_groups(session, self._id):
                change_state(session, group, InstanceGroupState.TERMINATED, **ended)
            cluster.logs_saved = saved
            change_state(session, cluster, end_state(cluster))
        if saved:
            self._shipper.forget(folder)

    def _remove_spare(self) -> None:
        """Nobody ever saw it: nothing of it is kept."""
        shutil.rmtree(self._runtime.folder(self._id).path, ignore_errors=True)
        with self._store.transaction() as session:
            store.remove_cluster(session, self._id)

    def _ship_logs(self, cluster: Cluster) -> bool:
        folder = self._runtime.folder(self._id)
        return self._shipper.ship(folder, cluster.log_uri or "", log_folders(folder))

    def _running_parts(self, view: View) -> tuple[hadoop.Cluster, Nodes, StepRuns]:
        """The cluster's processes as they are now, whoever started them.

        Made once, after a restart too, and anew when the master is reconfigured or a spare has become a cluster.
        """
        generation = max((one.generation for one in view.instances if view.is_master(one)), default=0)
        made_of = view.cluster.created_at, view.groups[0].configurations_version, generation
        if self._parts is None or self._made_of != made_of:
            installed = self._runtime.install(view.cluster.release_label)
            daemons = self._runtime.cluster(view.cluster, view.groups, installed, generation)
            nodes = Nodes(self._store, self._runtime, view.cluster, daemons)
            self._parts = daemons, nodes, StepRuns(self._store, self._ends, daemons)
            self._made_of = made_of
        return self._parts
