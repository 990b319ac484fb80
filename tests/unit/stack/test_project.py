from collections.abc import Callable
from pathlib import Path

import pytest

from windtunnel.stack.errors import SettingsError
from windtunnel.stack.settings import load_settings

Project = Callable[[str], Path]
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("locastack_port = 1", "has an unknown key locastack_port: did you mean localstack_port?"),
        ("[run]\ndga = 'x'", "has an unknown key run.dga: did you mean dag?"),
        ("[rnu]\n", "has an unknown key rnu: did you mean run?"),
        ("[mwaa]\nconfigurations = 1", "did you mean configuration_options?"),
        ("[run]\nzzz = 1", "known in [run] are: before, conf, dag, show"),
        ("[run]\nbefore = ['make data']", "run.before: Input should be a valid list"),
        ("[run]\nbefore = [[]]", "run.before"),
        ("[mwaa.configuration_options]\nbucket = 'x'", "'bucket' lacks a section"),
        ("[mwaa.configuration_options]\na.b = [1]", "a string, a number or a boolean"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_key_and_file(project: Project, text: str, said: str) -> None:
    folder = project(text)

    with pytest.raises(SettingsError) as error:
        load_settings(folder)

    assert str(folder / "windtunnel.toml") in str(error.value)
    assert said in str(error.value)


def test_the_project_is_the_nearest_folder_above_that_has_the_file(project: Project) -> None:
    folder = project("")
    below = folder / "dags" / "more"
    below.mkdir(parents=True)

    assert load_settings(below).home == folder


def test_outside_of_a_project_it_is_said_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"No windtunnel\.toml in .* or in a folder above it"):
        load_settings(tmp_path)


def test_options_are_strings_whether_written_as_tables_or_quoted(project: Project) -> None:
    text = "[mwaa.configuration_options]\ncore.parallelism = 4\n'core.a' = true\n'celery.sub.key' = ''\n"

    options = load_settings(project(text)).project.mwaa.configuration_options

    assert options == {"core.parallelism": "4", "core.a": "True", "celery.sub.key": ""}


def test_this_repository_is_a_project() -> None:
    project = load_settings(ROOT).project

    assert project.folder == ROOT
    assert project.run.dag
    assert project.run.show
