"""One project's Docker Compose: what it is called, when it is another one, and what it hands on."""

import json
import re
from pathlib import Path

import pytest

from tests.compose import given, needs_compose, services
from tests.fake_docker import FakeDocker
from windtunnel.stack.docker.compose import Compose
from windtunnel.stack.errors import StackError
from windtunnel.stack.project import FILE_NAME
from windtunnel.stack.settings import Settings, load_settings

ODD = {
    "plain": "a",
    "empty": "",
    "dollar": "$HOME ${HOME} $$ costs 5$",
    "single": "it's 'quoted'",
    "double": '"{"a": "b"}"',
    "backslash": r"C:\new\table \' \\",
    "last": "ends in one \\",
    "hash": "a #b",
    "spaces": "  on both sides  ",
    "lines": "one\ntwo\n",
    "equals": "a=b=c",
    "unicode": "größer",
}


def settings_of(folder: Path, state: Path, text: str = "") -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE_NAME).write_text(text)
    return load_settings(folder, state=state, stack="docker")


@pytest.mark.parametrize("name", ["Salary Pipeline!", "_-x-_", "Größe", "日本", "a.b.c", "9lives", "x" * 200])
def test_a_project_has_a_name_of_docker_composes_alphabet(tmp_path: Path, name: str) -> None:
    compose = Compose(settings_of(tmp_path / name, tmp_path / "state"))
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", compose.project)
    for image in compose.images():
        # What Docker takes for a tag.
        assert re.fullmatch(r"windtunnel-\w+:[a-z0-9][a-z0-9_-]{0,127}", image)


def test_a_project_has_one_name_for_each_state_and_always_the_same(tmp_path: Path) -> None:
    first, second = (Compose(settings_of(tmp_path / "p", tmp_path / name)) for name in ("one", "two"))
    assert first.project != second.project
    assert first.project == Compose(settings_of(tmp_path / "p", tmp_path / "one")).project
    assert first.project.startswith("p-")


def test_two_folders_of_one_name_are_two_projects(tmp_path: Path) -> None:
    folders = (tmp_path / "a" / "pipeline", tmp_path / "b" / "pipeline")
    assert len({Compose(settings_of(one, one / ".windtunnel")).project for one in folders}) == 2


def test_a_project_without_the_file_is_told_where_to_get_it(tmp_path: Path) -> None:
    compose = Compose(settings_of(tmp_path / "p", tmp_path / "state"))
    with pytest.raises(StackError, match=r"has no docker/compose\.yaml.*own folder docker/ into the project"):
        compose.check()


@pytest.mark.parametrize(
    "changed",
    [
        "docker/compose.yaml",
        "docker/emr/Dockerfile",
        "docker/airflow/desk.env",
        "src/windtunnel.py",
        "locks/runtime.txt",
        "requirements.txt",
        "startup.sh",
        "plugins/one.py",
    ],
)
def test_what_makes_other_containers_makes_another_revision(settings: Settings, changed: str) -> None:
    before = Compose(settings).revision()
    assert before == Compose(settings).revision()
    with (settings.home / changed).open("a") as file:
        file.write("# changed\n")
    assert Compose(settings).revision() != before


@pytest.mark.parametrize(
    "unrelated", ["dags/one.py", "spark/one.py", "README.md", "data/a.csv", "src/__pycache__/a.pyc"]
)
def test_what_running_containers_see_anyway_makes_none(settings: Settings, unrelated: str) -> None:
    before = Compose(settings).revision()
    file = settings.home / unrelated
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("changed")
    assert Compose(settings).revision() == before


@pytest.mark.parametrize("changed", ["startup.sh", "requirements.txt", "plugins/one.py"])
def test_airflow_is_told_of_the_files_that_it_reads_only_at_its_start(
    settings: Settings, changed: str
) -> None:
    before = Compose(settings).revision_of_the_project()
    (settings.home / changed).write_text("changed")
    assert Compose(settings).revision_of_the_project() != before
    (settings.home / "src" / "one.py").write_text("changed")
    after = Compose(settings).revision_of_the_project()
    (settings.home / "src" / "one.py").write_text("changed again")
    assert Compose(settings).revision_of_the_project() == after


def test_another_setting_image_or_option_makes_another_revision(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions = [Compose(settings).revision()]
    revisions.append(Compose(settings.model_copy(update={"emr_spare_minutes": 3})).revision())
    revisions.append(Compose(settings.model_copy(update={"airflow_executor": "CeleryExecutor"})).revision())
    monkeypatch.setenv("AIRFLOW_IMAGE", "another")
    revisions.append(Compose(settings).revision())
    monkeypatch.delenv("AIRFLOW_IMAGE")
    (settings.home / FILE_NAME).write_text('[mwaa.configuration_options]\n"core.parallelism" = 2\n')
    revisions.append(Compose(load_settings(settings.home, stack="docker")).revision())
    assert len(set(revisions)) == 5


def test_the_keys_of_airflow_are_kept_for_the_user_only_and_stay_the_same(settings: Settings) -> None:
    assert Compose(settings).variables() == Compose(settings).variables()
    assert json.loads(Compose(settings).variables()["WINDTUNNEL_FERNET_SECRET"])["FernetKey"]
    kept = settings.state / "airflow" / "secrets.json"
    assert kept.stat().st_mode & 0o077 == 0


def test_the_options_file_is_the_users_only(settings: Settings) -> None:
    Compose(settings).write_files()
    assert (settings.state / "docker" / "options.env").stat().st_mode & 0o077 == 0


def test_celery_is_a_profile(settings: Settings) -> None:
    assert "--profile" not in Compose(settings).command("up")
    celery = Compose(settings.model_copy(update={"airflow_executor": "CeleryExecutor"}))
    assert celery.command("up")[3:] == ["--profile", "celery", "up"]


def test_the_callers_shell_gives_docker_what_it_needs_and_no_more(
    fake: FakeDocker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "BUILDX_BUILDER", "HTTPS_PROXY", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "of the shell")
    monkeypatch.setenv("COMPOSE_PROFILES", "celery")
    monkeypatch.setenv("COMPOSE_FILE", "elsewhere.yaml")
    caller = Compose(settings).caller()
    given = {name for name, value in caller.items() if value == "of the shell"}
    assert given == {"DOCKER_HOST", "DOCKER_CONTEXT", "BUILDX_BUILDER", "HTTPS_PROXY"}
    assert not [name for name in caller if name.startswith("COMPOSE_")]


@needs_compose
@pytest.mark.parametrize("name", ODD)
def test_an_option_reaches_the_hooks_and_airflow_as_it_was_written(settings: Settings, name: str) -> None:
    value = json.dumps(ODD[name], ensure_ascii=False)
    (settings.home / FILE_NAME).write_text(f'[mwaa.configuration_options]\n"odd.value" = {value}\n')
    found = services(load_settings(settings.home, stack="docker"))
    assert given(found["localstack"])["AIRFLOW__ODD__VALUE"] == ODD[name]
    options = json.loads(given(found["airflow-scheduler"])["MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS"])
    assert options == {"AIRFLOW__ODD__VALUE": ODD[name]}


@needs_compose
def test_options_one_after_the_other_do_not_run_together(settings: Settings) -> None:
    lines = (f'"odd.{name}" = {json.dumps(value, ensure_ascii=False)}' for name, value in ODD.items())
    (settings.home / FILE_NAME).write_text("\n".join(["[mwaa.configuration_options]", *lines]))
    told = given(services(load_settings(settings.home, stack="docker"))["localstack"])
    assert {name: told[f"AIRFLOW__ODD__{name.upper()}"] for name in ODD} == ODD


@needs_compose
def test_a_file_that_a_project_lacks_is_not_made_a_folder(settings: Settings) -> None:
    # What is not there is made by Docker, as a folder and as root's.
    for name in ("requirements.txt", "startup.sh", "plugins", "localstack-init", "spark", "data", "dags"):
        path = settings.home / name
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
    for service in services(settings).values():
        bound = [v for v in service.get("volumes", []) if v["type"] == "bind"]
        assert not [v["source"] for v in bound if not Path(v["source"]).exists()]
        files = ("requirements.txt", "startup.sh")
        assert not [v for v in bound if v["target"].endswith(files) and Path(v["source"]).is_dir()]
