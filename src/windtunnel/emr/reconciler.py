"""The reconciler: looks after every live cluster, some times a second, until it is told to stop."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

from sqlalchemy import select

from windtunnel.emr import store
from windtunnel.emr.cluster_reconciler import ClusterReconciler
from windtunnel.emr.clusters import begin_termination, create_cluster
from windtunnel.emr.logs import LogShipper, log_folders
from windtunnel.emr.runtime import Runtime
from windtunnel.emr.schema import Cluster
from windtunnel.emr.spares import FOR_NOBODY, request_like
from windtunnel.emr.states import LIVE_CLUSTER_STATES
from windtunnel.emr.store import Store

TICK_SECONDS = 0.1
"""How long it sleeps between two looks at clusters that are live."""
REST_SECONDS = 5.0
"""The same when there is none; a change of the store wakes it."""
SPARE = "spare"
LATE_LOGS = "late logs"
RETRY_LOGS_SECONDS = 30.0
LATE_LOGS_SECONDS = 24 * 3600
"""How long after a cluster's end its logs are still tried: its bucket may never come back."""
FAILURE_SECONDS = 60.0
"""How long looks at one cluster may fail, one after the other, before it is given up."""
PAUSE_SECONDS = 1.0
"""After a look at a cluster that failed."""
CLUSTERS_AT_ONCE = 8

log = logging.getLogger(__name__)


class Reconciler:
    """One thread that looks at the store, and a few that move a cluster each."""

    def __init__(self, db: Store, runtime: Runtime, shipper: LogShipper) -> None:
        self._store = db
        self._runtime = runtime
        self._shipper = shipper
        self._clusters: dict[str, ClusterReconciler] = {}
        self._under_way: dict[str, Future[None]] = {}
        self._failing_since: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(CLUSTERS_AT_ONCE, thread_name_prefix="cluster")
        self._stopping = threading.Event()
        self._logs_due = 0.0
        self._seen: int | None = None
        self._live: list[str] = []
        self._thread = threading.Thread(target=self._run, name="reconciler")

    def start(self) -> None:
        """Begin: what an earlier process left is found again."""
        self._end_spare()
        self._thread.start()

    def halt(self) -> None:
        """Finish what is under way and move nothing any more but by `end_all`."""
        self._stopping.set()
        self._store.wake()
        if self._thread.is_alive():
            self._thread.join()
        wait(self._under_way.values())

    def close(self) -> None:
        """Give the threads back."""
        self._pool.shutdown()

    def end_all(self, code: str, message: str, seconds: float) -> bool:
        """End every live cluster for this reason, here and now; False when some are left after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            with self._store.reading() as session:
                live = list(store.live_cluster_ids(session))
            if not live:
                return True
            if time.monotonic() > deadline:
                return False
            ends = [partial(self._end, cluster_id, code, message) for cluster_id in live]
            wait([self._pool.submit(_logged, end) for end in ends])
            self._store.wait_for_change(TICK_SECONDS)

    def _end(self, cluster_id: str, code: str, message: str) -> None:
        self._of(cluster_id).end(code, message)
        self._tick(cluster_id)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                live = self._look()
            except Exception:
                log.exception("The store could not be read")
                live = False
            self._store.wait_for_change(TICK_SECONDS if live else REST_SECONDS)

    def _look(self) -> bool:
        live = self._live_clusters()
        ended = [cluster_id for cluster_id in self._clusters if cluster_id not in live]
        self._forget_all_but(live)
        if ended and not live and self._runtime.config.spare_seconds:
            self._submit(SPARE, partial(self._add_spare, ended[-1]))
        for cluster_id in live:
            if time.monotonic() >= self._paused_until.get(cluster_id, 0):
                self._submit(cluster_id, partial(self._tick, cluster_id))
        if time.monotonic() >= self._logs_due:
            self._logs_due = time.monotonic() + RETRY_LOGS_SECONDS
            self._submit(LATE_LOGS, self.save_late_logs)
        return bool(live)

    def _end_spare(self) -> None:
        """What an earlier service started may have been started with other settings."""
        with self._store.reading() as session:
            if store.find_spare(session) is None:
                return
        with self._store.transaction() as session:
            spare = store.find_spare(session)
            if spare is not None:
                begin_termination(session, spare, "USER_REQUEST", "The service was started anew")

    def _add_spare(self, ended_id: str) -> None:
        with self._store.transaction() as session:
            ended = store.find_cluster(session, ended_id)
            if ended is None or store.live_cluster_ids(session):
                return
            groups = store.instance_groups(session, ended_id)
            request = request_like(ended, groups, self._runtime.config.spare_seconds)
            if request is not None:
                create_cluster(session, request, FOR_NOBODY)

    def _submit(self, name: str, work: Callable[[], None]) -> None:
        """Have the work done by the pool, unless it is under way."""
        future = self._under_way.get(name)
        if future is None or future.done():
            self._under_way[name] = self._pool.submit(_logged, work)

    def _forget_all_but(self, live: Sequence[str]) -> None:
        for known in (self._clusters, self._failing_since, self._paused_until):
            for cluster_id in [one for one in known if one not in live]:
                known.pop(cluster_id, None)
        self._under_way = {n: f for n, f in self._under_way.items() if n in live or not f.done()}

    def _live_clusters(self) -> list[str]:
        version = self._store.version
        if version != self._seen:
            with self._store.reading() as session:
                self._live = list(store.live_cluster_ids(session))
            self._seen = version
        return self._live

    def _of(self, cluster_id: str) -> ClusterReconciler:
        if cluster_id not in self._clusters:
            self._clusters[cluster_id] = ClusterReconciler(
                self._store, self._runtime, self._shipper, cluster_id
            )
        return self._clusters[cluster_id]

    def _tick(self, cluster_id: str) -> None:
        cluster = self._of(cluster_id)
        try:
            cluster.tick()
            self._failing_since.pop(cluster_id, None)
        except Exception as error:
            log.exception("%s could not be moved along", cluster_id)
            now = time.monotonic()
            self._paused_until[cluster_id] = now + PAUSE_SECONDS
            if now - self._failing_since.setdefault(cluster_id, now) > FAILURE_SECONDS:
                cluster.end("INTERNAL_ERROR", f"The cluster could not be moved along: {error}")

    def save_late_logs(self) -> None:
        """Logs of ended clusters that S3 would not take at their end."""
        ended = Cluster.state.not_in(LIVE_CLUSTER_STATES), Cluster.ended_at > time.time() - LATE_LOGS_SECONDS
        late = select(Cluster).where(*ended, Cluster.log_uri.is_not(None), Cluster.logs_saved.is_(False))
        with self._store.reading() as session:
            clusters = session.scalars(late).all()
        for cluster in clusters:
            folder = self._runtime.folder(cluster.id)
            if not self._shipper.ship(folder, cluster.log_uri or "", log_folders(folder)):
                continue
            self._shipper.forget(folder)
            with self._store.transaction() as session:
                fresh = store.find_cluster(session, cluster.id)
                if fresh is not None:
                    fresh.logs_saved = True
            log.info("The logs of %s, which has ended, are in %s now", cluster.id, cluster.log_uri)


def _logged(work: Callable[[], None]) -> None:
    """What a thread of the pool could not do is tried again, and told: nobody looks at its future."""
    try:
        work()
    except Exception:
        log.exception("The store could not be written")
