import shutil
from pathlib import Path

import pytest

from tests.project import ROOT
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.infra import infra_of
from windtunnel.stack.project import read_project

TOML = """
[deploy]
name = "team-pipeline"
[deploy.parameters]
Stage = "prod"
CoreInstanceCount = 4
MwaaEndpoints = true
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    (tmp_path / "windtunnel.toml").write_text(TOML)
    return tmp_path


def test_the_options_are_those_that_the_environment_gets_in_this_account(project: Path) -> None:
    infra = infra_of(read_project(project), "eu-west-1")
    options = infra.options

    assert infra.foundation and infra.foundation.condition("AllEndpoints")
    assert options["salary_pipeline.bucket"] == "airflow-team-pipeline-123456789012-eu-west-1"
    assert options["salary_pipeline.subnet_id"] == "subnet-privatesubnet1"
    assert options["salary_pipeline.core_instance_count"] == "4"
    assert options["salary_pipeline.tags"].endswith("pipeline=team-pipeline,stage=prod")


def test_without_the_second_template_nothing_can_be_deployed(project: Path) -> None:
    (project / "infra" / "environment.yaml").unlink()

    with pytest.raises(
        DeployError, match=r"^There is no .*environment\.yaml\. It describes the MWAA environment"
    ):
        infra_of(read_project(project), "eu-west-1")


def test_a_team_with_a_network_of_its_own_says_what_the_first_stack_would(project: Path) -> None:
    (project / "infra" / "foundation.yaml").unlink()

    with pytest.raises(
        DeployError, match=r"without a value: Bucket, EmrCore.*Set them in \[deploy\.parameters\]"
    ):
        infra_of(read_project(project), "eu-west-1")
