from pathlib import Path

import pytest

from tests.checking import TOML, found, make_project, places, subject_of
from windtunnel.deploy.checks import startup, startup_runs
from windtunnel.deploy.checks import subject as subjects
from windtunnel.deploy.checks.subject import Airflow
from windtunnel.deploy.findings import Finding


@pytest.fixture(autouse=True)
def no_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """startup.sh needs none: its PATH is then the caller's own."""
    monkeypatch.setattr(subjects.Subject, "_airflow", lambda _: Airflow(None, "none is needed"))


def of(tmp_path: Path, *lines: str, toml: str = TOML) -> list[Finding]:
    return found(
        startup,
        make_project(tmp_path / "p", startup_sh="\n".join(("#!/bin/bash", *lines, "")), windtunnel_toml=toml),
    )


def test_a_script_that_does_what_mwaa_lets_it_has_no_findings(tmp_path: Path) -> None:
    assert of(tmp_path, "export TEAM=data", "sudo dnf install -y jq", "LOCAL=1", "# apt-get install x") == []


def test_a_project_without_one_has_no_findings(tmp_path: Path) -> None:
    assert found(startup, make_project(tmp_path / "p")) == []


@pytest.mark.parametrize(
    ("line", "level", "said"),
    [
        ("apt-get install -y jq || true", "error", "no apt-get"),
        ("if true; then sudo apt-get update || true; fi", "error", "no apt-get"),
        ("brew install jq || true", "error", "no brew"),
        ("yum install -y jq", "error", "sudo yum install"),
        ("export AWS_REGION=eu-west-1", "warning", "no effect"),
        ("export AIRFLOW__CORE__EXECUTOR=SequentialExecutor", "warning", "no effect"),
        ("export MWAA__X=1", "warning", "no effect"),
        ("AIRFLOW__CORE__PARALLELISM=9", "warning", "not exported"),
        ("pip install cowsay", "note", "requirements.txt"),
        ("X=$(aws s3 ls)", "note", "not run"),
    ],
)
def test_a_line_that_means_something_else_on_mwaa_is_told(
    tmp_path: Path, line: str, level: str, said: str
) -> None:
    (finding,) = of(tmp_path, "", line)

    assert places([finding]) == [("startup.sh:3", "startup", level)]
    assert said in finding.why + finding.mend


def test_what_is_exported_elsewhere_in_the_script_is_exported(tmp_path: Path) -> None:
    assert of(tmp_path, "AIRFLOW__CORE__PARALLELISM=9", "export AIRFLOW__CORE__PARALLELISM") == []


def test_lines_that_end_as_on_windows_are_an_error(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    (project / "startup.sh").write_bytes(b"#!/bin/bash\nexport A=1\r\n")

    assert places(found(startup, project)) == [("startup.sh:2", "startup", "error")]


def test_what_bash_cannot_read_is_an_error_at_its_line(tmp_path: Path) -> None:
    (finding,) = of(tmp_path, "export A=1", "fi")

    assert places([finding]) == [("startup.sh:3", "startup", "error")]
    assert "syntax error" in finding.why


def test_a_script_that_fails_on_one_component_says_on_which(tmp_path: Path) -> None:
    (finding,) = of(tmp_path, 'if [ "$MWAA_AIRFLOW_COMPONENT" = worker ]; then', "  exit 3", "fi")

    assert places([finding]) == [("startup.sh:3", "startup", "error")]
    assert "on the worker (" in finding.why and "exit code 3" in finding.why


def test_a_command_that_is_not_there_is_told_at_its_line(tmp_path: Path) -> None:
    (finding,) = of(tmp_path, "", "no_such_command_at_all")

    assert finding.place == "startup.sh:3"
    assert (
        "webserver, scheduler, worker" in finding.why
        and "no_such_command_at_all: command not found" in finding.why
    )


def test_a_script_that_ends_at_a_failure_tells_what_was_printed_last(tmp_path: Path) -> None:
    (finding,) = of(tmp_path, "set -e", "cat /nowhere", "export A=1")

    assert "exit code 1: cat: /nowhere: No such file" in finding.why


def test_nothing_that_it_calls_installs_a_thing_and_nothing_is_left_in_the_project(tmp_path: Path) -> None:
    lines = (
        "touch left-behind",
        *(f"export AT_{name.upper()}=$(command -v {name})" for name in startup_runs.NOT_RUN),
    )
    project = make_project(
        tmp_path / "p",
        startup_sh="\n".join(lines) + "\nexport GOT=$(sudo -E dnf install -y jq && echo yes)\n",
    )
    subject = subject_of(project)
    before = sorted(project.rglob("*"))

    runs = subject.startup()

    assert runs.keys() == {"webserver", "scheduler", "worker"}
    for ran in runs.values():
        assert ran.problem == ""
        assert ran.exports["GOT"] == "yes"
        for name in startup_runs.NOT_RUN:
            assert Path(ran.exports[f"AT_{name.upper()}"]).is_relative_to(subject.home)
    assert sorted(project.rglob("*")) == before


def test_a_script_that_runs_too_long_is_ended(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", startup_sh="sleep 600\n")
    subject = subject_of(project)
    environments = {"worker": subject.environment("worker", {})}

    runs = startup_runs.run(project, tmp_path / "runs", environments, subject.progress, seconds=0.2)

    assert "still running after 0.2 s" in runs["worker"].problem
