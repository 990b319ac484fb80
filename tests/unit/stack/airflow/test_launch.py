"""From a plan to the environment of a process."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from windtunnel.stack.airflow.launch import Plan, final_environment, read_plan, write_plan

MODULE = "windtunnel.stack.airflow.launch"
NAME = "AIRFLOW__CORE__PARALLELISM"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(
        python=sys.executable,
        arguments=("scheduler",),
        startup=str(tmp_path / "startup.sh"),
        startup_log=str(tmp_path / "startup.log"),
        options={},
        essential={"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"},
        started=str(tmp_path / "started"),
    )


def test_a_plan_is_kept_whole_and_for_the_user_only(tmp_path: Path, plan: Plan) -> None:
    write_plan(tmp_path / "plan.json", plan)

    assert read_plan(tmp_path / "plan.json") == plan
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600


def test_startup_sh_beats_the_opinions_and_an_option_beats_startup_sh(tmp_path: Path, plan: Plan) -> None:
    (tmp_path / "startup.sh").write_text(
        f"export AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT=5 {NAME}=6 AIRFLOW__CORE__EXECUTOR=x PYTHONPATH=/x\n"
    )
    container = {"PATH": os.environ["PATH"], NAME: "8", "PYTHONPATH": "/dags"}

    environment = final_environment(replace(plan, options={NAME: "7"}), container)

    assert environment["AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT"] == "5"
    assert environment[NAME] == "7"
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert environment["PYTHONPATH"] == "/dags"


def test_programs_of_the_environment_come_first_on_the_path(plan: Plan) -> None:
    environment = final_environment(plan, {"PATH": "/usr/bin"})

    assert environment["PATH"] == f"{Path(sys.executable).parent}{os.pathsep}/usr/bin"


def test_a_failing_startup_sh_ends_the_process_and_says_why(tmp_path: Path, plan: Plan) -> None:
    (tmp_path / "startup.sh").write_text("echo no such host\nfalse\n")
    write_plan(tmp_path / "plan.json", plan)

    ended = subprocess.run(
        (sys.executable, "-I", "-m", MODULE, str(tmp_path / "plan.json")),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "startup.sh failed with exit code 1" in ended.stderr
    assert "no such host" in ended.stderr
    assert not (tmp_path / "started").exists()
