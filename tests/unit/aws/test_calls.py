"""What is kept of calls, and what a request is about."""

import json
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from windtunnel.aws import calls as module
from windtunnel.aws.calls import Calls, members, resources

BUCKET = {"Bucket": "b"}


def kept(calls: Calls) -> list[tuple[str, str, int]]:
    return [(one["principal"], one["operation"], one["count"]) for one in calls.told()["calls"]]


def clock(monkeypatch: pytest.MonkeyPatch, times: Iterable[float]) -> None:
    """The times of the next looks at the clock: the first is that of the beginning."""
    told = iter(times)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: float(next(told))))


def test_a_call_is_kept_once_with_its_first_and_last_time_and_how_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock(monkeypatch, [1000.0, 1001.0, 1002.5])
    calls = Calls()
    for _ in range(2):
        calls.note("airflow", "s3", "GetObject", {**BUCKET, "Key": "k"}, ["Bucket", "Key"])

    assert calls.told() == {
        "since": "1970-01-01T00:16:40+00:00",
        "calls": [
            {
                "principal": "airflow",
                "service": "s3",
                "operation": "GetObject",
                "resource": {"Bucket": "b", "Key": "k"},
                "members": ["Bucket", "Key"],
                "first": "1970-01-01T00:16:41+00:00",
                "last": "1970-01-01T00:16:42.500000+00:00",
                "count": 2,
            }
        ],
    }


@pytest.mark.parametrize(
    "other",
    [
        ("emr", "s3", "GetObject", BUCKET, ["Bucket"]),
        ("airflow", "sqs", "GetObject", BUCKET, ["Bucket"]),
        ("airflow", "s3", "HeadObject", BUCKET, ["Bucket"]),
        ("airflow", "s3", "GetObject", {"Bucket": "c"}, ["Bucket"]),
        ("airflow", "s3", "GetObject", BUCKET, ["ACL", "Bucket"]),
    ],
)
def test_whatever_differs_makes_another_call(other: tuple[str, str, str, dict[str, str], list[str]]) -> None:
    calls = Calls()
    calls.note("airflow", "s3", "GetObject", BUCKET, ["Bucket"])
    calls.note(*other)
    assert [one["count"] for one in calls.told()["calls"]] == [1, 1]


def test_beyond_the_most_the_call_seen_longest_ago_is_forgotten_and_what_is_told_begins_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock(monkeypatch, range(100, 200))
    calls = Calls(most=2)
    # At 101, 102, 103, 104: "old" is seen again after "gone".
    for operation in ("old", "gone", "old", "new"):
        calls.note("p", "s3", operation, BUCKET, [])

    assert kept(calls) == [("p", "old", 2), ("p", "new", 1)]
    assert datetime.fromisoformat(calls.told()["since"]) == datetime.fromtimestamp(102, UTC)


def test_calls_of_many_threads_are_all_counted_while_they_are_told() -> None:
    calls = Calls()

    def make() -> None:
        for number in range(500):
            calls.note("p", "s3", f"o{number % 7}", BUCKET, [])
            calls.told()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one["count"] for one in calls.told()["calls"]) == 2000


def test_a_resource_has_the_members_that_name_it_and_nothing_else() -> None:
    request = {"Bucket": "b", "Key": "k", "Body": b"secret", "SSECustomerKey": "secret", "Prefix": ""}
    assert [*resources(request, ("Bucket", "Key", "Prefix", "Body", "CopySource"))] == [
        {"Bucket": "b", "Key": "k"}
    ]
    assert members(request | {"ACL": None}) == ["Body", "Bucket", "Key", "Prefix", "SSECustomerKey"]
    assert "secret" not in json.dumps([*resources(request, ("Bucket", "Key")), *members(request)])


def test_a_request_for_several_things_has_a_resource_for_each() -> None:
    assert [*resources(BUCKET, ["Bucket"], ("Key", ["one", "two", None, 3]))] == [
        {"Bucket": "b", "Key": "one"},
        {"Bucket": "b", "Key": "two"},
    ]
    # None of them is still a call.
    assert [*resources(BUCKET, ["Bucket"], ("Key", []))] == [BUCKET]


def test_no_value_is_kept_beyond_the_length_that_names_have() -> None:
    endless = "x" * 10_000
    [own] = resources({"Bucket": endless}, ["Bucket"])
    [each] = resources({}, [], ("Key", [endless]))
    assert len(own["Bucket"]) == len(each["Key"]) == module.MOST_CHARACTERS
