from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from windtunnel.stack.errors import StackError
from windtunnel.stack.results import Table, tables

BUCKET = "results"


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield


def put(**files: str) -> None:
    for key, text in files.items():
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key.replace("__", "/") + ".csv", Body=text.encode())


def test_the_files_of_a_folder_are_one_table_of_which_the_first_rows_are_shown() -> None:
    put(
        out__job__part0="job,n\nCEO,1\nCFO,2\n", out__job__part1="job,n\nCTO,3\n", out__major__part0="major\n"
    )

    found = list(tables(f"s3://{BUCKET}/out/*/*.csv", top=2))

    assert found == [
        Table(f"s3://{BUCKET}/out/job/", ["job", "n"], [["CEO", "1"], ["CFO", "2"]], 3),
        Table(f"s3://{BUCKET}/out/major/", ["major"], [], 0),
    ]


def test_a_star_stays_within_its_folder() -> None:
    put(out__a="x\n1\n", out__deep__er__a="x\n2\n", other__a="x\n3\n")

    assert [table.name for table in tables(f"s3://{BUCKET}/out/*.csv", top=1)] == [f"s3://{BUCKET}/out/"]


def test_a_value_with_a_comma_or_a_line_break_is_one_value() -> None:
    put(out__a='name,n\n"one, two\nthree",1\n')

    (table,) = tables(f"s3://{BUCKET}/out/a.csv", top=5)

    assert table.rows == [["one, two\nthree", "1"]]


def test_results_that_are_not_there_are_told() -> None:
    with pytest.raises(StackError, match=rf"There is nothing at s3://{BUCKET}/out/\*\.csv"):
        list(tables(f"s3://{BUCKET}/out/*.csv", top=1))
