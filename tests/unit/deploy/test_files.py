import os
import zipfile
from pathlib import Path

import pytest

from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.files import pack, project_files
from windtunnel.stack.project import read_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a file of each kind."""
    home = tmp_path / "project"
    for name in (
        *("dags/b.py", "dags/a/c.py", "dags/.airflowignore", "spark/job.py", "plugins/p/__init__.py"),
        *("requirements.txt", "startup.sh", "data/one.csv", "README.md"),
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    (home / "windtunnel.toml").write_text('[deploy]\ndata = ["data/*.csv"]\n')
    return home


def keys(folder: Path, scratch: Path, *, data: bool = False) -> list[str]:
    return [one.key for one in project_files(read_project(folder), scratch=scratch, data=data)]


def test_dags_go_up_after_all_that_they_start(folder: Path, tmp_path: Path) -> None:
    assert keys(folder, tmp_path, data=True) == [
        *("spark/job.py", "plugins.zip", "requirements.txt", "startup.sh", "data/one.csv"),
        *("dags/.airflowignore", "dags/a/c.py", "dags/b.py"),
    ]


def test_data_goes_up_only_when_asked(folder: Path, tmp_path: Path) -> None:
    assert "data/one.csv" not in keys(folder, tmp_path)


def test_hidden_and_compiled_files_stay_here(folder: Path, tmp_path: Path) -> None:
    before = keys(folder, tmp_path)
    for name in ("dags/.git/x", "dags/.env", "spark/__pycache__/job.cpython-312.pyc", "dags/b.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("secret")

    assert keys(folder, tmp_path) == before


def test_plugins_without_a_file_are_no_zip(folder: Path, tmp_path: Path) -> None:
    (folder / "plugins" / "p" / "__init__.py").unlink()
    (folder / "plugins" / ".gitkeep").touch()

    assert "plugins.zip" not in keys(folder, tmp_path)


def test_the_same_plugins_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    plugins = folder / "plugins"
    (plugins / "a.py").write_text("a")
    first = pack(plugins, tmp_path / "first.zip")
    for path in (plugins / "p" / "__init__.py", plugins / "a.py"):
        text = path.read_text()
        path.unlink()
        path.write_text(text)
        path.chmod(0o755)
        os.utime(path, (1, 1))
    second = pack(plugins, tmp_path / "second.zip")

    assert first and second and first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == ["a.py", "p/__init__.py"]
        assert archive.read("a.py") == b"a"


def test_other_plugins_are_other_bytes(folder: Path, tmp_path: Path) -> None:
    first = pack(folder / "plugins", tmp_path / "first.zip")
    (folder / "plugins" / "p" / "__init__.py").write_text("changed!")
    second = pack(folder / "plugins", tmp_path / "second.zip")

    assert first and second and first.read_bytes() != second.read_bytes()


def test_a_plugins_zip_that_lies_about_is_not_what_goes_up(folder: Path, tmp_path: Path) -> None:
    (folder / "plugins.zip").write_text("old")
    (found,) = [
        one for one in project_files(read_project(folder), scratch=tmp_path, data=False) if "zip" in one.key
    ]

    assert found.path == tmp_path / "plugins.zip"


def test_a_folder_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "dags" / "shared").symlink_to(folder / "spark", target_is_directory=True)

    with pytest.raises(DeployError, match="dags/shared is a link to a folder"):
        keys(folder, tmp_path)


def test_a_file_that_is_a_link_goes_up_as_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    (folder / "dags" / "linked.py").symlink_to(folder / "README.md")
    (found,) = [
        one
        for one in project_files(read_project(folder), scratch=tmp_path, data=False)
        if "linked" in one.key
    ]

    assert found.size == len("README.md")


@pytest.mark.parametrize(
    ("glob", "why"), [("../*", "leads out"), ("/etc/*", "leads out"), ("data/*.json", "no such file")]
)
def test_data_that_leads_out_or_is_not_there_is_refused(
    folder: Path, tmp_path: Path, glob: str, why: str
) -> None:
    (folder / "windtunnel.toml").write_text(f'[deploy]\ndata = ["{glob}"]\n')

    assert keys(folder, tmp_path)
    with pytest.raises(DeployError, match=why):
        keys(folder, tmp_path, data=True)
