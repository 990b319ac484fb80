"""A team's project on an AWS account that moto keeps: a bucket of its own, and a second stack that moto can make."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from tests.cloudformation import SMALL_ENVIRONMENT
from windtunnel.deploy.target import Target, aws_target

BUCKET = "team-bucket"
TOML = f"""
[run]
dag = "daily"
[deploy]
name = "team"
[deploy.parameters]
Bucket = "{BUCKET}"
"""


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """The project's folder."""
    home = tmp_path / "team"
    for name, text in {
        "windtunnel.toml": TOML,
        "infra/environment.yaml": SMALL_ENVIRONMENT,
        "dags/daily.py": "dag",
        "spark/job.py": "job",
        "requirements.txt": "numpy",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """An account of moto's, with the team's bucket."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr(Target, "poll_seconds", 0)
    with mock_aws():
        target = aws_target()
        s3 = target.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield target
