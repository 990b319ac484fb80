"""startup.sh, run by the real bash."""

import os
from pathlib import Path

import pytest

from windtunnel.stack.airflow.startup import exported
from windtunnel.stack.errors import StackError

ENVIRONMENT = {"PATH": os.environ["PATH"], "GIVEN": "1", "MWAA_AIRFLOW_COMPONENT": "worker"}


def run(folder: Path, text: str, seconds: float = 30) -> dict[str, str]:
    script = folder / "startup.sh"
    script.write_text(text)
    return exported(script, ENVIRONMENT, folder / "startup.log", seconds)


def test_only_exported_variables_survive(tmp_path: Path) -> None:
    assert run(tmp_path, "export KEPT='two\nlines'\nLOST=1\n") == {"KEPT": "two\nlines"}


def test_it_sees_the_environment_and_the_component_and_changes_what_it_exports_anew(tmp_path: Path) -> None:
    text = 'if [[ "$MWAA_AIRFLOW_COMPONENT" != webserver ]]; then export GIVEN="${GIVEN}2"; fi\n'

    assert run(tmp_path, text) == {"GIVEN": "12"}


def test_what_it_exported_before_it_ended_itself_counts(tmp_path: Path) -> None:
    assert run(tmp_path, "export KEPT=1\nexit 0\nexport LATE=1\n") == {"KEPT": "1"}


def test_its_own_folder_is_where_it_runs(tmp_path: Path) -> None:
    assert run(tmp_path, "export HERE=$PWD\n") == {"HERE": str(tmp_path)}


@pytest.mark.parametrize(
    "text", ["echo broken pipe to the moon\nexit 3\n", "echo broken pipe to the moon; false\n"]
)
def test_a_failure_is_told_with_its_last_lines_and_where_the_rest_is(tmp_path: Path, text: str) -> None:
    with pytest.raises(StackError) as raised:
        run(tmp_path, text)

    assert "failed with exit code" in str(raised.value)
    assert "broken pipe to the moon" in str(raised.value)
    assert str(tmp_path / "startup.log") in str(raised.value)


def test_one_that_does_not_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="still running after 3 s"):
        run(tmp_path, "sleep 600 & echo $! > child\nwait\n", seconds=3)

    child = int((tmp_path / "child").read_text())
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text()
