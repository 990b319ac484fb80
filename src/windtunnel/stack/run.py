"""One run of a DAG: triggered, followed to its end, and told truthfully."""

import difflib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from windtunnel.stack.airflow.client import (
    AirflowClient,
    AirflowUnreachableError,
    BrokenFile,
    Dag,
    TaskInstance,
    written_at,
)
from windtunnel.stack.emr_watch import EmrWatch
from windtunnel.stack.errors import StackError
from windtunnel.stack.stack import Watch

PARSE_SECONDS = 120
UNKNOWN_SECONDS = 45
"""How long a DAG that Airflow does not have is waited for when it has others: long enough for a new file."""
SILENCE_SECONDS = 180
"""How long Airflow may not answer: as long as its api-server needs for a new start."""
LONGEST_PARSE_SECONDS = 60
END_SECONDS = 60
"""How long a run that is lost may take to end."""
QUEUED_SECONDS = 10
"""How long a run may be queued before that is worth a word."""
POLL_SECONDS = 1.0
LOG_LINES = 30
RUNNING_STATES = ("running", "deferred", "up_for_reschedule")
ENDED = ("success", "failed")
# Airflow's own between one and the next: of no interest to whoever watches.
QUIET_STATES = (None, "scheduled", "queued", "up_for_reschedule", "restarting")


class RunFailedError(StackError):
    """The run ended, and not in success; what is known of it has been said already."""


@dataclass
class Run:
    """A run of the DAG `dag_id`; `say` prints a line, with the seconds since the run was triggered."""

    airflow: AirflowClient
    services: Watch
    dag_id: str
    say: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    run_id: str = ""
    triggered_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _shown: dict[str, str | None] = field(default_factory=dict)
    _told_of_the_queue: bool = False

    def start(self, conf: dict[str, Any]) -> None:
        """Wait until the DAG, as it is in its file now, is known to Airflow, and trigger it."""
        dag = self._parsed_dag()
        if dag.is_paused:
            self.airflow.set_paused(self.dag_id, False)
        self.triggered_at = datetime.now(UTC)
        self.run_id = self.airflow.trigger(self.dag_id, conf)
        self.began = time.monotonic()
        self.say(f"{self.dag_id} runs: {self.link}")

    @property
    def link(self) -> str:
        return self.airflow.run_link(self.dag_id, self.run_id)

    def follow(self) -> None:
        """Tell what happens until the run has ended. Raises RunFailedError unless it succeeded."""
        emr = EmrWatch(datetime.now(UTC))
        while True:
            state = self._state()
            if state == "queued":
                self._tell_of_the_queue()
            self._tell_services()
            self._tell_tasks()
            for line in emr.news():
                self._tell(line)
            if state == "success":
                self._tell(f"{self.dag_id} succeeded")
                return
            if state == "failed":
                self._tell_failure(emr)
                raise RunFailedError(f"The run of {self.dag_id} failed: {self.link}")
            time.sleep(POLL_SECONDS)

    def _parsed_dag(self) -> Dag:
        began = time.monotonic()
        reads: set[float] = set()
        while True:
            dag, broken = self.airflow.dag(self.dag_id), self.airflow.broken_files()
            its_own = [file for file in broken if dag and str(file.path) == dag.file]
            maybe = [file for file in broken if dag is None and file.mentions(self.dag_id)]
            if its_own or maybe:
                raise StackError(f"{self.dag_id} cannot be run: {(its_own or maybe)[0]}")
            if dag and self._is_as_in_its_file(dag, reads):
                return dag
            self._check_patience(dag, broken, time.monotonic() - began)
            time.sleep(POLL_SECONDS)

    def _is_as_in_its_file(self, dag: Dag, reads: set[float]) -> bool:
        """Whether Airflow has read the file since it was last written; `reads` are the times when it did.

        What is told is when a reading ended, and it may have begun before the file was written: the
        second one after that is sure, or one that ended long after it, or the DAG with this very text.
        """
        written = written_at(Path(dag.file))
        if dag.is_stale or dag.parsed_at is None or dag.parsed_at < written:
            return False
        reads.add(dag.parsed_at)
        if len(reads) > 1 or dag.parsed_at > written + LONGEST_PARSE_SECONDS:
            return True
        return self.airflow.source(self.dag_id) == Path(dag.file).read_text()

    def _check_patience(self, dag: Dag | None, broken: list[BrokenFile], waited: float) -> None:
        if dag is None:
            known = self.airflow.dag_ids()
            if waited > (UNKNOWN_SECONDS if known else PARSE_SECONDS):
                near = difflib.get_close_matches(self.dag_id, known, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                also = "".join(f"\nThis file cannot be imported: {file}" for file in broken)
                has = ", ".join(known) or "none"
                raise StackError(f"Airflow has no DAG {self.dag_id}.{hint} It has: {has}.{also}")
        elif waited > PARSE_SECONDS:
            log = self.services.log_of_dags()
            raise StackError(f"Airflow has not read {dag.file} again in {PARSE_SECONDS} s; its log: {log}")

    def _state(self) -> str:
        """The run's state; while Airflow's api-server starts anew, it is waited for."""
        deadline = time.monotonic() + SILENCE_SECONDS
        while True:
            if lost := self.services.lost():
                self._tell(lost)
                self._give_up()
                raise RunFailedError(f"The run of {self.dag_id} failed: {lost}")
            try:
                return self.airflow.run_state(self.dag_id, self.run_id)
            except AirflowUnreachableError:
                if time.monotonic() > deadline:
                    raise
                self._tell_services()
                time.sleep(POLL_SECONDS)

    def _give_up(self) -> None:
        """Fail what runs, and wait a while for the run to end: what it does at its end still happens.

        Not the run itself: Airflow would skip the tasks that are left, and count a run whose last task was
        skipped as a success.
        """
        deadline = time.monotonic() + END_SECONDS
        failed: set[str] = set()
        while time.monotonic() < deadline:
            with suppress(AirflowUnreachableError):
                self._tell_tasks()
                if self.airflow.run_state(self.dag_id, self.run_id) in ENDED:
                    return
                # The first time only: later ones are what Airflow does about the failure.
                for task in [] if failed else self._tasks():
                    if task.state in RUNNING_STATES:
                        self.airflow.mark_failed(self.dag_id, self.run_id, task)
                        failed.add(task.name)
            time.sleep(POLL_SECONDS)
        self._tell(f"the run has not ended yet: {self.link}")

    def _tell(self, line: str) -> None:
        self.say(f"{time.monotonic() - self.began:7.1f} s  {line}")

    def _tell_of_the_queue(self) -> None:
        if not self._told_of_the_queue and time.monotonic() - self.began > QUEUED_SECONDS:
            self._told_of_the_queue = True
            self._tell("queued until Airflow may start it: another run of the DAG may have to end first")

    def _tell_services(self) -> None:
        for name in self.services.restarted():
            self._tell(f"{name} died and was started again; the run goes on")

    def _tasks(self) -> list[TaskInstance]:
        try:
            return self.airflow.task_instances(self.dag_id, self.run_id)
        except AirflowUnreachableError:
            return []

    def _tell_tasks(self) -> None:
        for task in self._tasks():
            if task.state not in QUIET_STATES and self._shown.get(task.name) != task.state:
                self._shown[task.name] = task.state
                again = f" (try {task.try_number})" if task.try_number > 1 else ""
                self._tell(f"{task.name} {task.state}{again}")

    def _tell_failure(self, emr: EmrWatch) -> None:
        for task in self._tasks():
            if task.state == "failed":
                lines = self.airflow.log(self.dag_id, self.run_id, task)[-LOG_LINES:]
                self.say(f"\n{task.name} failed; the end of its log:")
                self.say("\n".join(f"    {line}" for line in lines))
                self.say(f"  All of it: {self.airflow.task_link(self.dag_id, self.run_id, task)}")
        for line in emr.failures():
            self.say(line)
