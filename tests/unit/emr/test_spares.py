"""The cluster that is started when one has ended, for the next one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emr import Emr, step
from tests.waiting import eventually
from windtunnel.emr import cluster_reconciler, job_flow, store
from windtunnel.emr.schema import Cluster
from windtunnel.emr.spares import request_like
from windtunnel.emr.states import ClusterState

YARN = [{"Classification": "yarn-site", "Properties": {"a": "1"}}]
ACTION: Any = [{"Name": "a", "ScriptBootstrapAction": {"Path": "/dev/null"}}]


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Emr]:
    """A service that keeps a spare for a minute."""
    service = Emr(tmp_path / "emr", {}, spare_seconds=60)
    yield service
    service.stop()


def end(emr: Emr, cluster: str) -> None:
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    emr.wait(cluster, "TERMINATED")


def spare_of(emr: Emr) -> Cluster | None:
    with emr.store.reading() as session:
        return store.find_spare(session)


def any_spare(emr: Emr) -> Cluster:
    """The spare, as soon as there is one."""

    def look() -> Cluster:
        spare = spare_of(emr)
        assert spare is not None
        return spare

    return eventually(look)


def ready_spare(emr: Emr) -> Cluster:
    """The spare, once it waits."""

    def look() -> Cluster:
        spare = any_spare(emr)
        assert spare.state is ClusterState.WAITING
        return spare

    return eventually(look)


def has_no_spare(emr: Emr) -> None:
    def look() -> None:
        with emr.store.reading() as session:
            assert store.live_cluster_ids(session) == []

    eventually(look)


def after_one(emr: Emr, **members: Any) -> Cluster:
    """The spare after a cluster."""
    first = emr.run(**members)
    emr.wait(first, "WAITING")
    end(emr, first)
    return ready_spare(emr)


def test_the_next_cluster_of_the_kind_inherits_the_spare(warm: Emr) -> None:
    spare = after_one(warm, Configurations=YARN)
    before = dict(warm.health.generations)
    cluster = warm.run(
        step("echo", "hello"), Name="heir", Configurations=YARN, Tags=[{"Key": "k", "Value": "v"}]
    )
    assert cluster == spare.id
    described = warm.client.describe_cluster(ClusterId=cluster)["Cluster"]
    assert (described["Name"], described["Tags"]) == ("heir", [{"Key": "k", "Value": "v"}])
    assert described["Status"]["Timeline"]["CreationDateTime"].timestamp() > spare.created_at
    warm.wait(cluster, "WAITING", ["COMPLETED"])
    core: Any = {"InstanceGroupTypes": ["CORE"]}
    for instance in warm.client.list_instances(ClusterId=cluster, **core)["Instances"]:
        assert instance["Ec2InstanceId"] in before
        assert instance["Status"]["State"] == "RUNNING"
    assert warm.health.generations == before, "no node was started for it"
    with warm.store.reading() as session:
        way = [event.after for event in store.events(session, cluster)]
    assert way == ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]


def test_no_request_sees_a_spare(warm: Emr) -> None:
    spare = after_one(warm)
    assert spare.id not in str(warm.client.list_clusters())
    with pytest.raises(ClientError, match="is not valid"):
        warm.client.describe_cluster(ClusterId=spare.id)
    with pytest.raises(ClientError, match="does not exist"):
        warm.client.terminate_job_flows(JobFlowIds=[spare.id])
    assert spare_of(warm)


@pytest.mark.parametrize(
    "members",
    [
        {"ReleaseLabel": "emr-7.12.0"},
        {"Configurations": YARN},
        {"Instances": {"InstanceCount": 2}},
        {"Instances": {"SlaveInstanceType": "m5.2xlarge"}},
        {"BootstrapActions": ACTION},
    ],
    ids=str,
)
def test_a_cluster_of_another_kind_is_a_new_one_and_ends_the_spare(
    warm: Emr, members: dict[str, Any]
) -> None:
    spare = after_one(warm)
    cluster = warm.run(**members)
    assert cluster != spare.id
    warm.wait(cluster, "WAITING")

    def gone() -> None:
        with warm.store.reading() as session:
            assert store.find_cluster(session, spare.id) is None
        assert not warm.runtime.folder(spare.id).path.exists()

    eventually(gone)


@pytest.mark.parametrize("members", [{"BootstrapActions": ACTION}, {"Steps": [step("false")]}], ids=str)
def test_what_has_bootstrap_actions_or_ended_badly_leaves_no_spare(
    warm: Emr, members: dict[str, Any]
) -> None:
    failed = bool(members.get("Steps"))
    if failed:
        members["Steps"][0]["ActionOnFailure"] = "TERMINATE_CLUSTER"
    cluster = warm.run(**members)
    if failed:
        warm.wait(cluster, "TERMINATED_WITH_ERRORS")
    else:
        warm.wait(cluster, "WAITING")
        end(warm, cluster)
    with warm.store.reading() as session:
        ended = store.find_cluster(session, cluster)
        assert ended is not None
        assert request_like(ended, store.instance_groups(session, cluster), seconds=60) is None


def test_no_spare_is_started_while_another_cluster_runs(warm: Emr) -> None:
    stays, ends = warm.run(), warm.run()
    for cluster in (stays, ends):
        warm.wait(cluster, "WAITING")
    end(warm, ends)
    assert spare_of(warm) is None
    end(warm, stays)
    ready_spare(warm)


def test_a_spare_ends_when_its_time_is_over_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_flow, "IDLE_TIMEOUT", range(1, 60))
    monkeypatch.setattr(cluster_reconciler, "HEALTH_SECONDS", 0.1)
    emr = Emr(tmp_path / "emr", {}, spare_seconds=1)
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    end(emr, cluster)
    spare = any_spare(emr)
    has_no_spare(emr)
    assert not emr.runtime.folder(spare.id).path.exists()
    with emr.store.reading() as session:
        assert store.events(session, spare.id) == []
    emr.stop()


def test_a_service_that_starts_ends_the_spare_that_an_earlier_one_left(warm: Emr) -> None:
    after_one(warm)
    warm.crash()
    warm.start()
    has_no_spare(warm)


def test_a_spare_that_has_only_begun_to_start_is_inherited_too(warm: Emr) -> None:
    first = warm.run()
    warm.wait(first, "WAITING")
    warm.health.starting = True
    end(warm, first)
    spare = any_spare(warm)
    cluster = warm.run()
    assert cluster == spare.id
    warm.health.starting = False
    warm.wait(cluster, "WAITING")
