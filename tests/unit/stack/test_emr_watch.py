"""What is told of Amazon EMR, by the service itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.emr import Emr, step
from windtunnel.stack.emr_watch import EmrWatch


@pytest.fixture
def emr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emr]:
    service = Emr(tmp_path / "emr", {})
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", service.client.meta.endpoint_url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    yield service
    service.stop()


def test_clusters_and_steps_are_told_once_for_each_state(emr: Emr) -> None:
    watch = EmrWatch(datetime.now(UTC) - timedelta(minutes=1))
    assert watch.news() == []

    cluster = emr.run(step("true", name="counts"))
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    told = watch.news()

    assert told[0].startswith(f"EMR cluster {cluster} WAITING")
    assert told[1].endswith("counts COMPLETED")
    assert watch.news() == []

    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    emr.wait(cluster, "TERMINATED")
    assert watch.news()[-1] == f"EMR cluster {cluster} TERMINATED: Terminated by user request"


def test_a_failed_step_is_told_with_what_emr_says_of_it(emr: Emr) -> None:
    cluster = emr.run(step("bash", "-c", "echo 'ValueError: no such job' >&2; exit 3", name="breaks"))
    emr.wait(cluster, "WAITING", ["FAILED"])

    (told,) = EmrWatch(datetime.now(UTC) - timedelta(minutes=1)).failures()

    details = emr.client.list_steps(ClusterId=cluster)["Steps"][0]["Status"]["FailureDetails"]
    assert "breaks" in told
    assert details["Reason"] in told


def test_clusters_of_before_are_no_news(emr: Emr) -> None:
    emr.wait(emr.run(), "WAITING")

    assert EmrWatch(datetime.now(UTC) + timedelta(minutes=1)).news() == []


def test_while_emr_does_not_answer_there_are_no_news(monkeypatch: pytest.MonkeyPatch, emr: Emr) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", "http://127.0.0.1:1")
    watch = EmrWatch(datetime.now(UTC))

    assert watch.news() == []
    assert "EMR cannot be asked why" in watch.failures()[0]
