"""Hostile values in clusters that really run: refused in words, or taken as what they are; nothing else is touched."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emr import Emr, step
from tests.waiting import eventually

VALUES = {
    "NUL": "a\x00b",
    "control": "a\x01b\x7f",
    "line break": "a\nb\r\n",
    "traversal": "../../../../{outside}/traversed",
    "absolute": "{outside}/absolute",
    "command": "$(touch {outside}/run) `touch {outside}/run` ; touch {outside}/run",
    "option": "-rf",
    "unicode": "\u202e\U0001f600\u0301" * 9,
    "huge": "x" * 10_000,
    "empty": "",
}
PLACES: dict[str, Any] = {
    "name": lambda v: {"Name": v},
    "args": lambda v: {"Steps": [step("echo", v)]},
    "program": lambda v: {"Steps": [step(v)]},
    "jar": lambda v: {"Steps": [step("echo", Jar=v)]},
    "step's name": lambda v: {"Steps": [step("true", name=v)]},
    "bootstrap action": lambda v: {
        "BootstrapActions": [{"Name": v, "ScriptBootstrapAction": {"Path": v, "Args": [v]}}]
    },
    "LogUri": lambda v: {"LogUri": v},
    "prefix": lambda v: {"LogUri": f"s3://bucket/{v}"},
    "bucket": lambda v: {"LogUri": f"s3://{v}/logs"},
    "tag": lambda v: {"Tags": [{"Key": v, "Value": v}]},
    "release": lambda v: {"ReleaseLabel": v},
    "property": lambda v: {"Configurations": [{"Classification": "yarn-site", "Properties": {"a": v}}]},
    "variable": lambda v: {
        "Configurations": [
            {
                "Classification": "spark-env",
                "Configurations": [{"Classification": "export", "Properties": {"A": v}}],
            }
        ]
    },
    "role": lambda v: {"ServiceRole": v},
}
REFUSED = {
    *((place, "NUL") for place in PLACES if place != "tag"),
    *((place, "traversal") for place in ("LogUri", "prefix", "bucket", "release")),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emr, Path]]:
    """A service that can't reach S3, and a folder beside its state."""
    folder = tmp_path_factory.mktemp("hostile")
    outside = folder / "outside"
    outside.mkdir()
    emr = Emr(folder / "state" / "emr", {})
    yield emr, outside
    emr.stop()


def snapshot(folder: Path, state: Path) -> dict[str, tuple[int, int]]:
    """Size and time of all that lies in the folder, but for the service's state."""
    found = {}
    for path in folder.rglob("*"):
        if not path.is_relative_to(state):
            about = path.lstat()
            found[str(path)] = about.st_size, about.st_mtime_ns
    return found


def request(members: dict[str, Any]) -> dict[str, Any]:
    instances = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": False}
    return {"Name": "hostile", "ReleaseLabel": "emr-7.13.0", "Instances": instances, **members}


def test_hostile_values_are_refused_or_run_and_touch_nothing_outside_the_state(
    world: tuple[Emr, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windtunnel.emr.cluster_reconciler.SAVE_SECONDS", 0)
    monkeypatch.setattr("windtunnel.emr.logs.s3_client", lambda *_: Refusing())
    emr, outside = world
    client: Any = emr.client_of(parameter_validation=False)
    here = sorted(Path.cwd().iterdir())
    before = snapshot(outside.parent, emr.config.state)
    accepted, refused = {}, {}
    for kind, pattern in VALUES.items():
        value = pattern.replace("{outside}", str(outside))
        for place, members in PLACES.items():
            try:
                made = client.run_job_flow(**request(members(value)))
                accepted[made["JobFlowId"]] = place, kind
            except ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, (place, kind, error)
                refused[place, kind] = error.response["Error"]["Message"]
    assert refused.keys() >= REFUSED
    assert all(refused.values())
    for cluster, which in accepted.items():
        reason = eventually(lambda cluster=cluster, which=which: ended(emr, cluster, which))  # type: ignore[misc]
        assert "INTERNAL_ERROR" not in reason, (which, reason)
    assert snapshot(outside.parent, emr.config.state) == before
    assert sorted(Path.cwd().iterdir()) == here


class Refusing:
    """An S3 without buckets."""

    def put_object(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "NoSuchBucket"}}, "PutObject")


def ended(emr: Emr, cluster: str, which: tuple[str, str]) -> str:
    state, reason = emr.cluster(cluster)
    assert state.startswith("TERMINATED"), (which, state, reason)
    return reason


@pytest.mark.parametrize(
    "uri", ["file:///etc", "s3://../..", "s3://bucket/../../x", "s3://a b/", "s3:///x", "s3://b/./c"]
)
def test_a_log_uri_that_names_no_place_of_a_bucket_is_refused(world: tuple[Emr, Path], uri: str) -> None:
    with pytest.raises(ClientError, match="The LogUri"):
        world[0].client.run_job_flow(**request({"LogUri": uri}))
