"""The service is killed at every act and every change of state; what it leaves is finished by the next one, once."""

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.deaths import died_at
from tests.lives import CONTEXT, config_of, lives
from tests.tales import TALES
from windtunnel.emr import states, store
from windtunnel.emr.folders import ClusterFolder
from windtunnel.emr.logs import log_folders
from windtunnel.emr.operations import emr_service
from windtunnel.emr.schema import Event
from windtunnel.emr.store import Store
from windtunnel.hadoop.processes import VARIABLE, kill_all
from windtunnel.hadoop.spec import CLUSTER_VARIABLE

TABLES: Mapping[str, Mapping[Any, frozenset[Any]]] = {
    "j": states.CLUSTER_TRANSITIONS,
    "s": states.STEP_TRANSITIONS,
    "ig": states.INSTANCE_GROUP_TRANSITIONS,
    "ci": states.INSTANCE_TRANSITIONS,
}
NEVER_STORED = {"ci PROVISIONING -> TERMINATED"}
"""An instance is BOOTSTRAPPING in the transaction that makes it."""
NOT_TOLD = {
    *(f"ig {state} -> SUSPENDED" for state in ("BOOTSTRAPPING", "RUNNING", "RESIZING", "RECONFIGURING")),
    *(f"ig SUSPENDED -> {state}" for state in ("RESIZING", "RECONFIGURING", "TERMINATED")),
    *("ig RESIZING -> RECONFIGURING", "ig RECONFIGURING -> RESIZING", "ig RECONFIGURING -> TERMINATED"),
}
"""Each is the same act as one that is told: a group is settled, or modified, or ends with its cluster."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is left when all tales have come to their end."""
    folder = tmp_path_factory.mktemp("every-crash") / "world"
    try:
        lives(folder, TALES, times=1, depth=2)
        yield folder
    finally:
        end_processes(folder)


def test_each_cluster_and_step_ends_as_if_nothing_had_been_killed(world: Path) -> None:
    check_ends(world)


def test_nothing_runs_twice(world: Path) -> None:
    check_runs(world)


def test_nothing_is_left_but_logs_and_these_are_all_in_s3(world: Path) -> None:
    check_leftovers(world)


def test_each_change_of_state_follows_on_the_one_before(world: Path) -> None:
    check_events(world)


def test_every_legal_change_of_state_was_cut_short_before_and_after_its_commit(world: Path) -> None:
    points = [point.partition(" @ ")[0] for point in died_at(world / "deaths")]
    for moment in ("before", "after"):
        cut = {
            change
            for point in points
            if point.startswith(f"{moment} commit [")
            for change in point.partition("[")[2].rstrip("]").split("; ")
        }
        assert legal_changes() - cut - NOT_TOLD == NEVER_STORED, moment


def test_every_kind_of_act_was_cut_short(world: Path) -> None:
    """The store's, and those on files and processes: a kind that is missing would mean that nobody looks any more."""
    acts = {point.partition(" @ ")[0].partition(" ")[0] for point in died_at(world / "deaths")}
    assert acts >= {"before", "after", "open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}
    assert acts >= {"subprocess.Popen", "os.kill", "shutil.rmtree"}


@pytest.mark.soak
@pytest.mark.parametrize("times", [1, 2])
def test_whatever_is_killed_time_and_again_comes_to_the_same_end(tmp_path: Path, times: int) -> None:
    folder = tmp_path / "world"
    try:
        assert lives(folder, TALES, times, depth=20) > times * 100
        check_ends(folder)
        check_runs(folder)
        check_leftovers(folder)
        check_events(folder)
    finally:
        end_processes(folder)


def check_ends(folder: Path) -> None:
    db = Store(config_of(folder).database)
    emr = emr_service(db)
    ends = {}
    for cluster in emr.handler("ListClusters")(CONTEXT, {})["Clusters"]:  # type: ignore[index]
        status = cluster["Status"]
        steps = emr.handler("ListSteps")(CONTEXT, {"ClusterId": cluster["Id"]})["Steps"]  # type: ignore[index]
        ends[cluster["Name"]] = (
            (status["State"], status["StateChangeReason"]["Code"]),
            {step["Name"]: step["Status"]["State"] for step in steps},
        )
        assert len(steps) == len(ends[cluster["Name"]][1])
    db.close()
    assert ends == {name: (tale.end, tale.steps) for name, tale in TALES.items()}


def check_runs(folder: Path) -> None:
    ran = Counter((folder / "ran").read_text().split("\n")[:-1])
    assert set(ran.values()) == {1}, ran
    told = {name for tale in TALES.values() for name, state in tale.steps.items() if state in RAN}
    assert told <= set(ran)


RAN = {"COMPLETED", "FAILED"}


def check_leftovers(folder: Path) -> None:
    for cluster in (ClusterFolder(path) for path in (folder / "emr" / "clusters").iterdir()):
        assert kill_all(CLUSTER_VARIABLE, cluster.path.name) == 0
        for run in log_folders(cluster):
            for log in (path for path in run.iterdir() if path.name in ("controller", "stderr", "stdout")):
                copy = folder / "s3" / "logs" / cluster.path.name / cluster.log_key(log)
                assert gzip.decompress(copy.read_bytes()) == log.read_bytes()
        files = [path.relative_to(cluster.path) for path in cluster.path.rglob("*") if path.is_file()]
        assert {file.parts[0] for file in files} <= {"steps", "node"}
        assert [file for file in files if file.name.startswith(".") or file.suffix == ".new"] == []


def check_events(folder: Path) -> None:
    db = Store(config_of(folder).database)
    with db.reading() as session:
        subjects = {event.subject for event in session.query(Event)}
        for subject in subjects:
            events = store.events(session, subject)
            assert events[0].before == ""
            assert all(earlier.after == later.before for earlier, later in pairwise(events)), subject
    db.close()


def legal_changes() -> set[str]:
    return {
        f"{kind} {before} -> {after}"
        for kind, table in TABLES.items()
        for before, ways in table.items()
        for after in ways
    }


def end_processes(folder: Path) -> None:
    """Whatever a failed test leaves."""
    for process in (folder / "emr").rglob("request.json"):
        kill_all(VARIABLE, str(process.parent))
