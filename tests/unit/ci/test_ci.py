"""GitHub's workflow and the dev container run the README's commands, and nothing that anyone could exchange."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, PositiveInt
from ruamel.yaml import YAML

from tests.project import ROOT
from windtunnel.stack.settings import Settings, load_settings

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
DEVCONTAINER = ROOT / ".devcontainer" / "devcontainer.json"
README_COMMANDS = re.findall(r"^    (make \w+)  ", (ROOT / "README.md").read_text(), re.MULTILINE)
"""The two that stand at its top."""
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class HostRequirements(Strict):
    cpus: PositiveInt
    memory: str
    storage: str


class Port(Strict):
    label: str
    onAutoForward: Literal["notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore"]


class DevContainer(Strict):
    """The properties of the specification that we use, with its types; its schema is in no registry's package."""

    name: str
    image: str
    hostRequirements: HostRequirements
    forwardPorts: list[int]
    portsAttributes: dict[str, Port]
    postCreateCommand: str
    remoteUser: str


@pytest.fixture
def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(WORKFLOW)
    return loaded


@pytest.fixture
def devcontainer() -> DevContainer:
    return DevContainer.model_validate_json(DEVCONTAINER.read_text())


def valid(path: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [str(program), "--builtin-schema", "vendor.github-workflows", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_workflow_is_valid_by_the_published_schema(tmp_path: Path) -> None:
    checked = valid(WORKFLOW)
    assert checked.returncode == 0, checked.stdout

    (tmp_path / "ci.yml").write_text(WORKFLOW.read_text().replace("runs-on:", "run-on:"))
    assert valid(tmp_path / "ci.yml").returncode == 1


def test_the_workflow_runs_the_readmes_two_commands_and_shows_the_logs_of_a_failure(
    workflow: dict[str, Any],
) -> None:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]

    assert README_COMMANDS == ["make run", "make test"]
    assert [step["run"] for step in steps if "if" not in step] == README_COMMANDS
    assert [(step["run"], step["if"]) for step in steps if "if" in step] == [("make logs", "failure()")]


def test_every_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    used = [line.strip().removeprefix("- ") for line in WORKFLOW.read_text().splitlines() if "uses:" in line]

    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []
    assert len({line.partition("@")[0] for line in used}) == len(set(used)), "one commit for each action"


def test_the_workflow_may_only_read_and_no_step_keeps_the_token(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        (checkout,) = (step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@"))
        assert checkout["with"]["persist-credentials"] is False
    assert "pull_request_target" not in workflow["on"]
    assert "secrets." not in WORKFLOW.read_text()


def test_every_job_has_an_end_and_a_newer_push_ends_an_older_one(workflow: dict[str, Any]) -> None:
    assert workflow["concurrency"]["group"]
    assert all(0 < job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


def test_what_is_cached_is_the_users_cache_folder_by_the_locks(
    workflow: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WINDTUNNEL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    caches = [
        step["with"]
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/cache@")
    ]

    assert len(caches) == len(workflow["jobs"])
    for one in caches:
        assert "hashFiles('**/locks/*', '**/lock.txt')" in one["key"]
        if sys.platform == "linux":
            assert Path(one["path"]).expanduser() == load_settings(ROOT).cache


def test_the_workflows_pythons_are_the_oldest_and_the_newest_that_are_tested(
    workflow: dict[str, Any],
) -> None:
    pythons = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]

    assert f'requires-python = ">={pythons[0]}"' in (ROOT / "pyproject.toml").read_text()
    assert all(isinstance(one, str) for one in pythons), "3.10 as a number is 3.1"


def test_the_dev_container_runs_the_readmes_command_and_forwards_the_stacks_ports(
    devcontainer: DevContainer,
) -> None:
    assert devcontainer.postCreateCommand == README_COMMANDS[0]
    ports = [Settings.model_fields[name].default for name in ("airflow_port", "localstack_port", "emr_port")]
    assert devcontainer.forwardPorts == ports
    assert sorted(devcontainer.portsAttributes) == sorted(map(str, ports))


def test_the_dev_container_is_pinned_and_not_roots(devcontainer: DevContainer) -> None:
    assert re.fullmatch(r"[\w./-]+:\d[\w.-]+", devcontainer.image), "PostgreSQL does not start as root"
    assert devcontainer.remoteUser != "root"
    assert json.loads(DEVCONTAINER.read_text()), "no comments, which not every reader takes"
