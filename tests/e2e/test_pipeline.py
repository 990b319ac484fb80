"""The salary pipeline from `windtunnel run` to its results, and to the sentences of its failures."""

import csv
import io
from pathlib import Path

import pytest

from tests.e2e.conftest import BUCKET, Project, conf
from tests.expected import FEATURES, Averages, average_salaries, read_averages


def results(project: Project, tmp_path: Path, output: str) -> dict[str, Averages]:
    """What lies in S3, by feature; one file each."""
    found = {}
    for feature in FEATURES:
        listed = project.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{output}{feature}/")["Contents"]
        [key] = [one["Key"] for one in listed if one["Key"].endswith(".csv")]
        file = tmp_path / f"{feature}.csv"
        project.s3.download_file(BUCKET, key, str(file))
        found[feature] = read_averages(file, feature)
    return found


def expected(project: Project) -> dict[str, Averages]:
    data = project.home / "data"
    return average_salaries(data / "train_features.csv", data / "train_salaries.csv")


def test_run_ends_with_the_table_of_averages_that_an_independent_computation_gives(
    project: Project, tmp_path: Path
) -> None:
    before = set(project.clusters())
    said = project.run("run")
    assert results(project, tmp_path, "output/average_salary/") == expected(project)
    for words in ("jobType", "CEO", "average_salary", "succeeded"):
        assert words in said
    project.wait_for_the_end_of_all_but(before)


def test_a_new_file_in_data_is_what_the_next_run_uses_and_the_output_is_not_doubled(
    project: Project, tmp_path: Path
) -> None:
    file = project.home / "data" / "train_salaries.csv"
    before = file.read_text()
    rows = list(csv.reader(io.StringIO(before)))
    try:
        with file.open("w", newline="") as target:
            csv.writer(target).writerows([rows[0], *([job, int(salary) + 1000] for job, salary in rows[1:])])
        project.run("run")
        assert results(project, tmp_path, "output/average_salary/") == expected(project)
    finally:
        file.write_text(before)


def test_the_deferrable_twin_waits_in_the_triggerer(project: Project, tmp_path: Path) -> None:
    said = project.run("run", "--dag", "salary_pipeline_deferrable")
    assert "wait_for_step deferred" in said
    listed = project.s3.list_objects_v2(Bucket=BUCKET, Prefix="output/average_salary_deferrable/jobType/")
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
    project: Project, broken: str, text: str | None, sentence: str
) -> None:
    key = "data/broken.csv" if text else "data/none.csv"
    if text:
        project.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    before = set(project.clusters())
    said = project.run("run", *conf(**{broken: key, "output": "output/broken/"}), code=1)
    assert "wait_for_step failed" in said
    log = said.partition("wait_for_step failed; the end of its log")[2]
    assert sentence in log and "/stdout.gz" in log
    project.wait_for_the_end_of_all_but(before)
    assert "Contents" not in project.s3.list_objects_v2(Bucket=BUCKET, Prefix="output/broken/")
