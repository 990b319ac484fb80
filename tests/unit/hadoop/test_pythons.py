from collections.abc import Callable
from pathlib import Path

import pytest

from tests.programs import program
from tests.unit.install.recording import Recording
from windtunnel.hadoop import pythons
from windtunnel.hadoop.pythons import NEWEST, python_here
from windtunnel.install import uv
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import SILENT

Machine = Callable[..., None]


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often uv, which has no Python and can't download any, was asked to install one."""
    asked = tmp_path / "asked"
    asked.touch()
    fake = program(tmp_path / "uv", f'echo "$1 $2" >> {asked}; echo "no route to host" >&2; exit 2')
    monkeypatch.setattr(uv, "find_uv_bin", lambda: str(fake))
    return lambda: asked.read_text().splitlines().count("python install")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, downloads: Callable[[], int]) -> Machine:
    """A machine that has these Pythons on the PATH or in pyenv, and whose process has tried no download yet."""
    assert downloads() == 0
    monkeypatch.setattr(pythons, "_replaced", set())
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def have(*minors: str, in_pyenv: tuple[str, ...] = ()) -> None:
        for minor in minors:
            program(tmp_path / "bin" / f"python{minor}", f"echo {minor}")
        for minor in in_pyenv:
            program(tmp_path / "pyenv" / "versions" / f"{minor}.1" / "bin" / "python", f"echo {minor}")

    return have


def test_a_python_that_is_there_is_taken_and_nothing_is_downloaded(
    machine: Machine, downloads: Callable[[], int]
) -> None:
    machine("3.9", "3.11")
    assert python_here("3.5.6", "3.9", SILENT) == "3.9"
    assert downloads() == 0


@pytest.mark.parametrize("where", ["PATH", "pyenv"])
def test_the_next_newer_python_that_the_spark_supports_takes_the_place_of_one_that_cannot_be_had(
    where: str, machine: Machine
) -> None:
    machine(*(["3.9"] if where == "PATH" else []), in_pyenv=("3.9",) if where == "pyenv" else ())
    said = Recording()
    assert python_here("3.2.1", "3.8", said) == "3.9"
    assert said.lines == ["Python 3.8 can't be had here: Python 3.9 takes its place for Spark 3.2.1."]


def test_python_3_11_takes_the_place_of_3_9_from_spark_3_4_on(machine: Machine) -> None:
    machine("3.10", "3.11", "3.12")  # there are no locks of 3.10 and 3.12
    assert python_here("3.5.6", "3.9", SILENT) == "3.11"
    assert python_here("3.4.1", "3.9", SILENT) == "3.11"
    with pytest.raises(InstallError, match=r"No Python 3\.9 was found"):
        python_here("3.3.2", "3.9", SILENT)


def test_a_download_that_failed_is_not_tried_at_each_start_of_a_cluster_that_can_do_without(
    machine: Machine, downloads: Callable[[], int]
) -> None:
    machine("3.11")
    assert [python_here(spark, "3.9", SILENT) for spark in ("3.5.6", "3.5.6", "3.5.5")] == ["3.11"] * 3
    assert downloads() == 1


def test_a_python_that_was_installed_meanwhile_is_taken_again(machine: Machine) -> None:
    machine("3.11")
    assert python_here("3.5.6", "3.9", SILENT) == "3.11"
    machine("3.9")
    assert python_here("3.5.6", "3.9", SILENT) == "3.9"


def test_without_a_substitute_the_error_says_what_to_install_and_the_next_cluster_tries_again(
    machine: Machine, downloads: Callable[[], int]
) -> None:
    machine()
    for tries in (1, 2):
        with pytest.raises(InstallError, match=r"(?s)pyenv install 3\.8.*no route to host"):
            python_here("3.0.1", "3.8", SILENT)
        assert downloads() == tries


def test_every_spark_with_a_lock_has_a_newest_python() -> None:
    locks = Path(pythons.__file__).with_name("locks").glob("spark-*.*.*.txt")
    assert {".".join(lock.stem.removeprefix("spark-").split(".")[:2]) for lock in locks} == NEWEST.keys()
