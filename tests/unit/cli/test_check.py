import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from tests.checking import make_project
from tests.waiting import wait_until
from windtunnel.cli import check, main
from windtunnel.deploy.findings import Finding

ERROR = Finding("dags/x.py", 12, "endpoint", "Why.", "Mend.")
WARNING = Finding("startup.sh", 0, "startup", "Why.", "Mend.", "warning")
NOTE = Finding("", 0, "emr", "Why.", "Mend.", "note")


def test_findings_are_printed_as_a_compilers_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    check.print_findings([NOTE, ERROR, ERROR, WARNING])

    assert capsys.readouterr().out == (
        "note [emr]: Why.\n    mend: Mend.\n"
        "dags/x.py:12: error [endpoint]: Why.\n    mend: Mend.\n"
        "dags/x.py:12: error [endpoint]: Why.\n    mend: Mend.\n"
        "startup.sh: warning [startup]: Why.\n    mend: Mend.\n"
        "2 errors, 1 warning, 1 note.\n"
    )


def test_nothing_found_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    check.print_findings([])

    assert capsys.readouterr().out == "Nothing found that would fail on AWS.\n"


def test_only_an_error_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a project without DAGs, for which no Airflow is needed."""
    warned = make_project(tmp_path / "warned")
    wrong = make_project(tmp_path / "wrong", spark__x_py='u = "http://localhost:4566"\n')

    for project, code, said in ((warned, 0, "1 warning, 1 note."), (wrong, 1, "1 error, 1 warning, 1 note.")):
        monkeypatch.chdir(project)
        ran = CliRunner().invoke(main.app, ["check", "--region", "eu-west-1"])
        assert (ran.exit_code, ran.stdout.splitlines()[-1]) == (code, said)


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({}, "us-east-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "us-east-1"),
    ],
)
def test_the_region_is_the_shells_unless_that_is_led_to_the_stack(
    environment: dict[str, str], region: str
) -> None:
    assert check.region_of(environment) == region


def test_ctrl_c_ends_what_startup_sh_has_begun(tmp_path: Path, airflow_python: Path) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    script = f"me={pids}/$MWAA_AIRFLOW_COMPONENT\necho $$ > $me.new\nmv $me.new $me\n"
    project = make_project(tmp_path / "p", startup_sh=f"{script}sleep 600\n")
    command = [str(Path(sys.executable).with_name("windtunnel")), "check"]
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("WINDTUNNEL_", "PYTEST_"))}
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as checking:
        wait_until(lambda: {"webserver", "scheduler", "worker"} == {one.name for one in pids.iterdir()}, 60)
        checking.send_signal(signal.SIGINT)
        checking.wait(60)

    assert checking.returncode != 0
    assert not [one for one in pids.iterdir() if psutil.pid_exists(int(one.read_text()))]
