"""The salary pipeline from `windtunnel run` to its results, and to the sentences of its failures."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import BUCKET, ENVIRONMENT, TARGET, Project
from tests.e2e.pipeline import Here, Pipeline, on_aws
from tests.expected import FEATURES, Averages, average_salaries, read_averages
from tests.project import copy_project
from windtunnel.stack.calls import Call, code_digest, saved
from windtunnel.stack.environment import Principal

ROWS = 2000


@pytest.fixture(scope="module")
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The pipeline where it is to run."""
    if TARGET != "aws":
        yield Here(request.getfixturevalue("project"))
        return
    data = copy_project(tmp_path_factory.mktemp("aws") / "project", ROWS) / "data"
    with on_aws(ENVIRONMENT, data) as there:
        yield there


def results(pipeline: Pipeline, tmp_path: Path, output: str) -> dict[str, Averages]:
    """What lies in S3, by feature; one file each."""
    found = {}
    for feature in FEATURES:
        listed = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix=f"{output}{feature}/")["Contents"]
        [key] = [one["Key"] for one in listed if one["Key"].endswith(".csv")]
        file = tmp_path / f"{feature}.csv"
        pipeline.s3.download_file(pipeline.bucket, key, str(file))
        found[feature] = read_averages(file, feature)
    return found


def expected(data: Path) -> dict[str, Averages]:
    return average_salaries(data / "train_features.csv", data / "train_salaries.csv")


@dataclass(frozen=True)
class Ran:
    """One run of the pipeline: what was said, what it left, and what it was to leave."""

    said: str
    results: dict[str, Averages]
    expected: dict[str, Averages]


@pytest.fixture(scope="module")
def ran(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    before, output = set(pipeline.clusters()), pipeline.output("average_salary")
    said = pipeline.run(output=output)
    found = results(pipeline, tmp_path_factory.mktemp("results"), output)
    pipeline.wait_for_the_end_of_all_but(before)
    return Ran(said, found, expected(pipeline.data))


def test_a_run_leaves_the_averages_that_an_independent_computation_gives_and_no_cluster(
    ran: Ran, pipeline: Pipeline
) -> None:
    assert "succeeded" in ran.said
    assert ran.results == ran.expected


def operations(calls: Iterable[Call], principal: Principal, service: str) -> set[str]:
    return {call.operation for call in calls if (call.principal, call.service) == (principal, service)}


def keys(calls: Iterable[Call], principal: Principal, operation: str) -> set[str]:
    """What was touched of the pipeline's bucket."""
    return {
        call.resource["Key"]
        for call in calls
        if (call.principal, call.service, call.operation) == (principal, "s3", operation)
        and call.resource["Bucket"] == BUCKET
    }


def test_a_run_keeps_who_called_what(project: Project, ran: Ran) -> None:
    recording = saved(project.settings)["salary_pipeline"]
    calls = recording.calls
    assert (recording.succeeded, recording.s3, recording.code) == (True, True, code_digest(project.home))
    assert f"{len(calls)} different calls to AWS were recorded." in ran.said

    # Airflow makes EMR's calls, and none to S3.
    assert operations(calls, Principal.AIRFLOW, "emr") >= {
        *("RunJobFlow", "AddJobFlowSteps", "DescribeStep", "TerminateJobFlows"),
    }
    assert operations(calls, Principal.AIRFLOW, "s3") == set()
    [cluster] = [call for call in calls if call.operation == "RunJobFlow"]
    assert cluster.resource == {"ServiceRole": "EMR_DefaultRole", "JobFlowRole": "EMR_EC2_DefaultRole"}

    # The step reads its script and its data, and writes the output and nothing else.
    read, written = (keys(calls, Principal.STEPS, operation) for operation in ("GetObject", "PutObject"))
    data = {"data/train_features.csv", "data/train_salaries.csv"}
    assert read >= {"spark/average_salary.py", *data}
    assert any(key.endswith(".csv") for key in written)
    assert {key.split("/")[0] for key in written} == {"output"}

    # The service ships the logs, and reads nothing.
    assert operations(calls, Principal.EMR, "s3") == {"PutObject"}
    assert all(key.startswith("logs/emr/j-") for key in keys(calls, Principal.EMR, "PutObject"))
    assert {call.principal for call in calls} <= {*Principal}


def test_the_roles_in_infra_allow_what_the_run_called_and_nothing_besides(project: Project, ran: Ran) -> None:
    assert "Nothing found that would fail on AWS." in project.run("check", "--region", "eu-central-1")

    file = project.home / "infra" / "foundation.yaml"
    before = file.read_text()
    try:
        file.write_text(before.replace('"s3:DeleteObject"', '"s3:DeleteObjectVersion"'))
        said = project.run("check", "--region", "eu-central-1", code=1)
    finally:
        file.write_text(before)
    assert "error [permission]: EmrInstanceRole does not allow it at all: s3:DeleteObject on" in said
    assert "warning [permission]: EmrInstanceRole may s3:DeleteObjectVersion, which no recorded run" in said


def test_a_new_file_in_data_is_what_the_next_run_uses_and_shows_and_the_output_is_not_doubled(
    project: Project, tmp_path: Path
) -> None:
    here = Here(project)
    file = project.home / "data" / "train_salaries.csv"
    before = file.read_text()
    rows = list(csv.reader(io.StringIO(before)))
    try:
        with file.open("w", newline="") as target:
            csv.writer(target).writerows([rows[0], *([job, int(salary) + 1000] for job, salary in rows[1:])])
        said = project.run("run")
        assert results(here, tmp_path, "output/average_salary/") == expected(here.data)
        for words in ("jobType", "CEO", "average_salary", "succeeded"):
            assert words in said
    finally:
        file.write_text(before)


def test_the_deferrable_twin_waits_in_the_triggerer(pipeline: Pipeline) -> None:
    output = pipeline.output("deferred")
    said = pipeline.run("salary_pipeline_deferrable", output=output)
    assert "wait_for_step deferred" in said
    listed = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix=f"{output}jobType/")
    assert any(one["Key"].endswith(".csv") for one in listed["Contents"])


@pytest.mark.parametrize(
    ("broken", "text", "sentence"),
    [
        ("features", None, "cannot be read"),
        ("salaries", "job,pay\nJOB1,1\n", "has the header 'job,pay', not 'jobId,salary'"),
        ("salaries", "jobId,salary\nJOB0,1\n", "1 of 1 salaries have no features, the one of JOB0"),
    ],
)
def test_bad_input_is_a_failed_step_whose_reason_is_in_airflows_task_log(
    pipeline: Pipeline, broken: str, text: str | None, sentence: str
) -> None:
    key = pipeline.put("broken.csv", text) if text else "data/none.csv"
    before, output = set(pipeline.clusters()), pipeline.output("broken")
    said = pipeline.run(code=1, **{broken: key, "output": output})
    assert "wait_for_step failed" in said
    log = said.partition("wait_for_step failed; the end of its log")[2]
    assert sentence in log and "/stdout.gz" in log
    pipeline.wait_for_the_end_of_all_but(before)
    assert "Contents" not in pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix=output)

    # What it called is kept all the same, and what was asked for in vain is a call.
    if isinstance(pipeline, Here):
        recording = saved(pipeline.settings)["salary_pipeline"]
        assert not recording.succeeded
        asked = [
            keys(recording.calls, Principal.STEPS, operation) for operation in ("GetObject", "HeadObject")
        ]
        assert key in set.union(*asked)
