"""Deployments and their ends that die before and after each change that they make, and are run again."""

import hashlib
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cloudformation import SMALL_ENVIRONMENT
from tests.emr import Emr
from tests.integration.deploy.conftest import Project
from tests.interruptions import Interruption, everywhere
from windtunnel.deploy.deployment import Deployment, named
from windtunnel.deploy.destruction import Destruction
from windtunnel.deploy.target import SERVICES, Target
from windtunnel.install.progress import SILENT
from windtunnel.stack.project import read_project

FOUNDATION = """
Parameters:
  Name: { Type: String }
  LogDays: { Type: String, Default: "1" }
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: RetainExceptOnCreate
    Properties:
      BucketName: !Sub "airflow-${Name}"
      VersioningConfiguration: { Status: Enabled }
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub "${Name}-${LogDays}" }
Outputs:
  Bucket: { Value: !Ref Bucket }
"""
NUMBERS = itertools.count()


class Small:
    """A small project, deployed under ever new names."""

    def __init__(self, home: Path, target: Target) -> None:
        self.home = home
        self._session = target
        self.name = ""

    def begin(self) -> None:
        """Take a new name, and the files as they are first."""
        self.name = f"small-{next(NUMBERS)}"
        (self.home / "requirements.txt").write_text("numpy\n")
        (self.home / "startup.sh").write_text("true\n")
        (self.home / "dags" / "one.py").write_text("1\n")
        (self.home / "dags" / "two.py").unlink(missing_ok=True)

    def change(self) -> None:
        """A later state of the files."""
        (self.home / "requirements.txt").write_text("pandas\n")
        (self.home / "startup.sh").unlink()
        (self.home / "dags" / "one.py").rename(self.home / "dags" / "two.py")

    def deploy(self, interruption: Interruption | None = None, **parameters: str) -> bool:
        """Whether there was anything to do."""
        one = Deployment(named(self._project, self.name, parameters), self._watched(interruption), SILENT)
        with one.planned(self.home, data=False) as plan:
            if not plan.is_empty:
                one.carry_out(plan)
            return not plan.is_empty

    def destroy(self, interruption: Interruption | None = None) -> bool:
        """Whether there was anything to do."""
        one = Destruction(named(self._project, self.name, {}), self._watched(interruption), SILENT)
        inventory = one.inventory()
        if inventory.is_empty(keep_bucket=False):
            return False
        one.carry_out(inventory, keep_bucket=False)
        return True

    def state(self) -> str:
        """All that is there, in words: a version by what it holds, without ids and times."""
        target = self._target()
        formation, s3 = target.client("cloudformation"), target.client("s3")
        objects: list[tuple[str, str, bool]] = []
        marks: list[str] = []
        versions: dict[str, str] = {}
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=f"airflow-{self.name}"):
            for one in page["Versions"]:
                key, version = one["Key"], one["VersionId"]
                body = s3.get_object(Bucket=f"airflow-{self.name}", Key=key, VersionId=version)["Body"].read()
                versions[version] = hashlib.sha256(body).hexdigest()
                objects.append((key, versions[version], one["IsLatest"]))
            marks += [one["Key"] for one in page.get("DeleteMarkers", [])]
        stacks, change_sets = [], []
        for which in ("foundation", "environment"):
            name = f"{self.name}-{which}"
            (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
            given = sorted((one["ParameterKey"], one["ParameterValue"]) for one in stack["Parameters"])
            stacks.append((which, stack["StackStatus"], given))
            change_sets += formation.list_change_sets(StackName=name)["Summaries"]
        text = repr((sorted(objects), sorted(marks), stacks, change_sets)).replace(self.name, "NAME")
        for version, content in versions.items():
            text = text.replace(version, f"version of {content}")
        return text

    def _target(self) -> Target:
        """With clients of its own, made of what the session has read."""
        return replace(self._session, _clients={})

    @property
    def _project(self) -> Any:
        return read_project(self.home)

    def _watched(self, interruption: Interruption | None) -> Target:
        target = self._target()
        for service in SERVICES:
            if interruption:
                interruption.watch(target.client(service))
        return target


@pytest.fixture
def small(tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.setattr(Target, "poll_seconds", 0.02)
    home = tmp_path / "small"
    for name, text in {
        "windtunnel.toml": "",
        "infra/foundation.yaml": FOUNDATION,
        "infra/environment.yaml": SMALL_ENVIRONMENT,
        "dags/one.py": "1\n",
        "spark/job.py": "job\n",
        "plugins/team.py": "x = 1\n",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return Small(home, project.target)


def test_a_bucket_that_the_first_stack_replaces_gets_all_files(small: Small, project: Project) -> None:
    small.begin()
    small.deploy()
    template = small.home / "infra" / "foundation.yaml"
    template.write_text(FOUNDATION.replace("airflow-${Name}", "airflow-b-${Name}"))
    small.deploy()
    listed = project.target.client("s3").list_objects_v2(Bucket=f"airflow-b-{small.name}")

    assert listed["KeyCount"] == 5
    assert not small.deploy()


def test_a_first_deployment_goes_on_wherever_it_died(small: Small) -> None:
    wished: list[str] = []

    def work(interruption: Interruption) -> None:
        small.begin()
        small.deploy(interruption)

    def check(where: str) -> None:
        small.deploy()
        assert not small.deploy(), where
        wished.append(small.state())
        assert wished[-1] == wished[0], where

    assert everywhere(work, check) >= 9  # two stacks of two calls each, five files


def test_a_later_deployment_goes_on_wherever_it_died(small: Small) -> None:
    wished: list[str] = []

    def work(interruption: Interruption) -> None:
        small.begin()
        small.deploy()
        small.change()
        small.deploy(interruption, LogDays="2")

    def check(where: str) -> None:
        small.deploy(LogDays="2")
        assert not small.deploy(LogDays="2"), where
        wished.append(small.state())
        assert wished[-1] == wished[0], where

    assert everywhere(work, check) >= 9  # the previews, both stacks, two files and a deletion


def test_an_end_goes_on_wherever_it_died(small: Small, project: Project, emr: Emr) -> None:
    s3, logs = project.target.client("s3"), project.target.client("logs")
    clusters: list[str] = []

    def work(interruption: Interruption) -> None:
        small.begin()
        small.deploy()
        clusters.append(emr.run(Tags=[{"Key": "pipeline", "Value": small.name}]))
        logs.create_log_group(logGroupName=f"airflow-{small.name}-Task")
        s3.create_multipart_upload(Bucket=f"airflow-{small.name}", Key="output/x")
        small.destroy(interruption)

    def check(where: str) -> None:
        small.destroy()
        assert not small.destroy(), where
        assert emr.cluster(clusters[-1])[0] == "TERMINATED", where
        assert f"airflow-{small.name}" not in {one["Name"] for one in s3.list_buckets()["Buckets"]}, where
        found = logs.describe_log_groups(logGroupNamePrefix=f"airflow-{small.name}")["logGroups"]
        assert not found, where

    assert (
        everywhere(work, check) == 7
    )  # clusters, a stack, an upload, versions, the bucket, a stack, a log group
