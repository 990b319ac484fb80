import hashlib
from pathlib import Path

import pytest

from tests.checking import REGION, make_project, places
from tests.project import ROOT
from windtunnel.deploy.check import CHECKS, check
from windtunnel.deploy.checks.subject import Once
from windtunnel.deploy.errors import DeployError
from windtunnel.install.progress import SILENT
from windtunnel.stack.settings import load_settings

DAG = """\
from airflow.sdk import DAG
import boto3, os
S3 = boto3.client("s3", endpoint_url="http://localhost:4566")
HOME = os.environ.get("WINDTUNNEL_HOME")  # windtunnel: allow local-name
OTHER = 1  # windtunnel: allow endpoint
from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator
with DAG("one", schedule=None):
    EmrAddStepsOperator(
        task_id="add",
        job_flow_id="{{ x }}",
        steps=[{
            "Name": "one",
            "HadoopJarStep": {"Jar": f"s3://{os.environ['AIRFLOW__TEAM__BUCKET']}/spark/one.jar"},
        }],
    )
"""


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_of_this_repositorys_project_only_its_calls_are_not_known_before_it_has_run(
    cache: Path, airflow_python: Path, tmp_path: Path
) -> None:
    (found,) = check(load_settings(ROOT, cache=cache, state=tmp_path), SILENT, region=REGION)

    assert (found.rule, found.level) == ("permission", "warning")
    assert found.why.startswith("No run of a DAG was recorded")


def test_a_region_that_there_is_not_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    settings = load_settings(make_project(tmp_path / "p"))

    with pytest.raises(DeployError, match="no region 'eu-central-l'"):
        check(settings, SILENT, region="eu-central-l")


def test_what_fails_once_is_not_tried_again_by_another_rule() -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise DeployError("no")

    once = Once(fail)
    for _ in range(2):
        with pytest.raises(DeployError, match="no"):
            once()

    assert tries == [1]


def test_findings_are_sorted_by_place_and_the_project_stays_as_it_is(
    tmp_path: Path, cache: Path, airflow_python: Path
) -> None:
    project = make_project(
        tmp_path,
        dags__one_py=DAG,
        startup_sh="touch here\nexport AWS_REGION=x\n",
        windtunnel_toml='[deploy.parameters]\nBukket = "x"\n',
    )
    before = contents(project)

    found = check(load_settings(project, cache=cache), SILENT, region=REGION)

    assert places(found) == [
        ("dags/one.py:3", "endpoint", "error"),
        ("dags/one.py:5", "excuse", "warning"),
        ("dags/one.py:8", "emr", "error"),
        ("infra/environment.yaml:11", "options", "warning"),
        ("infra/foundation.yaml", "permission", "note"),
        ("startup.sh:2", "startup", "warning"),
        ("windtunnel.toml:2", "parameters", "error"),
    ]
    assert contents(project) == before


@pytest.mark.parametrize("module", CHECKS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_rule_is_told_in_the_documentation(module: object) -> None:
    page = (ROOT / "docs" / "check.md").read_text()

    for rule in module.RULES:  # type: ignore[attr-defined]
        assert f"| `{rule}` |" in page
