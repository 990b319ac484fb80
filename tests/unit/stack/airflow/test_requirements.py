"""What a project's requirements.txt asks for, and what decides about a new environment."""

from pathlib import Path

import pytest

from windtunnel.install.errors import InstallError
from windtunnel.install.progress import SILENT
from windtunnel.stack.airflow import requirements
from windtunnel.stack.airflow.install import interpreter
from windtunnel.stack.airflow.requirements import Requirements, requirements_of
from windtunnel.stack.airflow.versions import version_of
from windtunnel.stack.errors import StackError


def project(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "requirements.txt").write_text(text)
    return folder


def test_no_file_and_a_file_of_comments_ask_for_nothing(tmp_path: Path) -> None:
    assert requirements_of(tmp_path) is None
    assert requirements_of(project(tmp_path, "# later: requests\n\n")) is None


def test_they_share_the_environment_of_a_project_without_requirements(tmp_path: Path) -> None:
    plain = interpreter(project=tmp_path / "none", cache=tmp_path)
    comments = interpreter(project=project(tmp_path / "comments", "# nothing\n"), cache=tmp_path)

    assert plain == comments


def test_the_same_requirements_in_two_checkouts_share_an_environment_and_others_do_not(
    tmp_path: Path,
) -> None:
    one = interpreter(project=project(tmp_path / "one", "humanize\n"), cache=tmp_path)
    same = interpreter(project=project(tmp_path / "same", "humanize\n"), cache=tmp_path)
    other = interpreter(project=project(tmp_path / "other", "humanize==4.9.0\n"), cache=tmp_path)

    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("text", "constrained"),
    [
        ("requests\n", False),
        ("-c constraints.txt\nrequests\n", True),
        ("--constraint /usr/local/airflow/dags/constraints.txt\nrequests\n", True),
        ("# --constraint none, as MWAA reads it\nrequests\n", True),
    ],
)
def test_a_constraint_line_even_in_a_comment_keeps_airflows_own_constraints_away(
    tmp_path: Path, text: str, constrained: bool
) -> None:
    assert Requirements(project(tmp_path, text)).constrained is constrained


def test_the_folders_of_mwaa_are_found_in_the_project(tmp_path: Path) -> None:
    text = "--find-links /usr/local/airflow/plugins\n--no-index\nmine\n"

    assert Requirements(project(tmp_path, text)).text.splitlines()[0] == f"--find-links {tmp_path}/plugins"


def test_a_new_wheel_in_the_plugins_folder_means_a_new_environment(tmp_path: Path) -> None:
    project(tmp_path, "--find-links /usr/local/airflow/plugins\nmine\n")
    (tmp_path / "plugins").mkdir()
    before = interpreter(project=tmp_path, cache=tmp_path)
    (tmp_path / "plugins" / "mine-1.0-py3-none-any.whl").write_bytes(b"wheel")

    assert interpreter(project=tmp_path, cache=tmp_path) != before


def test_what_cannot_be_installed_is_told_with_the_line_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Requirements(project(tmp_path, "# mine\nrequests\ncelery==5.4.0\n"))

    def refuse(*_: object, purpose: str, lock: int | None) -> None:
        raise InstallError(f"{purpose}: you require celery==5.4.0 and celery==5.5.2")

    monkeypatch.setattr(requirements, "uv", refuse)
    with pytest.raises(InstallError, match=r"line 3 \(celery==5\.4\.0\)") as raised:
        asked.check(version_of("3.0.6"), SILENT)

    assert "line 2" not in str(raised.value)


def test_an_airflow_without_pins_here_is_refused() -> None:
    with pytest.raises(StackError, match=r"Airflow 9\.9\.9 is not among those"):
        version_of("9.9.9")
