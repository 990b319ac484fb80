"""`windtunnel deploy` and `destroy` as they are called; what they do is tested with windtunnel.deploy."""

import os
import pty
import sys
from pathlib import Path

import pytest

from tests.unit.deploy.conftest import BUCKET, account, team
from windtunnel.cli.main import load
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.findings import Finding
from windtunnel.deploy.target import Target
from windtunnel.stack.errors import StackError

__all__ = ["account", "team"]


@pytest.fixture(autouse=True)
def _inside(team: Path, account: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(team)
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115, PTH123


@pytest.fixture(autouse=True)
def findings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the check before a deployment finds, unless a test wants it to look itself."""
    given: list[Finding] = []
    if "really_checked" not in request.fixturenames:
        monkeypatch.setattr("windtunnel.cli.deploy.check", lambda *_, **__: given)
    return given


@pytest.fixture
def really_checked() -> None:
    """The project is looked at."""


def call(command: str, *arguments: str) -> None:
    load(command)(list(arguments), standalone_mode=False)


def stacks(account: Target) -> list[str]:
    return [one["StackName"] for one in account.client("cloudformation").describe_stacks()["Stacks"]]


def test_without_a_terminal_the_plan_is_shown_and_nothing_done(
    account: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StackError, match=r"no terminal to ask at, so nothing was changed. Say --yes"):
        call("deploy")

    assert "Stack team-environment: 1 resource to make" in capsys.readouterr().out
    assert stacks(account) == []
    assert "Contents" not in account.client("s3").list_objects_v2(Bucket=BUCKET)


@pytest.mark.usefixtures("really_checked")
def test_what_would_fail_on_aws_is_told_before_the_plan_and_stops_it(
    account: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StackError, match=r"nothing was changed: mend the errors above"):
        call("deploy", "--yes", "--parameter", "Bukket=x")

    said = capsys.readouterr().out
    assert "error [parameters]" in said and "Bukket" in said
    assert "Stack team-environment" not in said
    assert stacks(account) == []


def test_a_warning_is_told_and_stops_nothing(
    account: Target, findings: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    findings.append(Finding("dags/x.py", 1, "dags", "It is slow.", "Make it fast.", "warning"))
    call("deploy", "--yes")

    assert "dags/x.py:1: warning [dags]: It is slow." in capsys.readouterr().out
    assert stacks(account) == ["team-environment"]


def test_a_dry_run_changes_nothing(account: Target, capsys: pytest.CaptureFixture[str]) -> None:
    call("deploy", "--dry-run")
    assert "Nothing was changed" in capsys.readouterr().out
    assert stacks(account) == []
    call("deploy", "--yes")
    call("destroy", "--dry-run")

    assert stacks(account) == ["team-environment"]


def test_yes_deploys_and_the_end_says_how_to_go_on(
    account: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    call("deploy", "--yes")
    said = capsys.readouterr().out

    assert stacks(account) == ["team-environment"]
    assert "Airflow: " in said
    assert "aws mwaa invoke-rest-api --name team --method PATCH --path /dags/daily" in said
    assert "windtunnel destroy" in said
    call("deploy")  # asks nothing
    assert "Nothing to do" in capsys.readouterr().out


def test_the_end_of_another_name_says_how_that_is_removed(
    account: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    call("deploy", "--yes", "--name", "other")

    assert stacks(account) == ["other-environment"]
    assert "windtunnel destroy --name other" in capsys.readouterr().out


def test_a_wrong_name_removes_nothing(account: Target) -> None:
    call("deploy", "--yes")
    with pytest.raises(StackError, match=r"--confirm says 'taem'.*nothing was removed"):
        call("destroy", "--confirm", "taem")
    with pytest.raises(StackError, match=r"no terminal to ask at.*Say --confirm NAME"):
        call("destroy")
    assert stacks(account) == ["team-environment"]
    call("destroy", "--confirm", "team")

    assert stacks(account) == []


def test_nothing_to_remove_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    call("destroy")

    assert capsys.readouterr().out.splitlines()[1:] == ["There is nothing to remove."]


@pytest.mark.parametrize("given", ["Bucket", "=x"])
def test_a_parameter_has_a_name_and_a_value(given: str) -> None:
    with pytest.raises(StackError, match=r"give it as NAME=VALUE"):
        call("deploy", "--parameter", given)


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_a_shell_of_the_laptop_is_refused(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:4566")

    with pytest.raises(DeployError, match=r"AWS_ENDPOINT_URL_S3"):
        call(command, "--dry-run")


@pytest.mark.parametrize(
    ("typed", "goes"), [("team\n", True), ("tame\n", False), ("\n", False), ("y\n", False)]
)
def test_at_a_terminal_the_name_has_to_be_typed(
    account: Target, monkeypatch: pytest.MonkeyPatch, typed: str, goes: bool
) -> None:
    call("deploy", "--yes")
    _type(typed, monkeypatch)
    if goes:
        call("destroy")
    else:
        with pytest.raises(StackError, match=r"not its name: nothing was removed"):
            call("destroy")

    assert stacks(account) == ([] if goes else ["team-environment"])


@pytest.mark.parametrize(("typed", "goes"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_at_a_terminal_only_yes_deploys(
    account: Target, monkeypatch: pytest.MonkeyPatch, typed: str, goes: bool
) -> None:
    _type(typed, monkeypatch)
    call("deploy")

    assert stacks(account) == (["team-environment"] if goes else [])


def _type(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal at which somebody has typed this."""
    leader, follower = pty.openpty()
    os.write(leader, text.encode())
    monkeypatch.setattr(sys, "stdin", os.fdopen(follower, "r"))
