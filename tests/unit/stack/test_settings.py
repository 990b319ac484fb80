from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from windtunnel.stack.errors import SettingsError, StackError
from windtunnel.stack.native import services
from windtunnel.stack.settings import Settings, load_settings, names, runtime_folder, setting_variables

Project = Callable[[str], Path]
Runtime = Callable[[Settings], Path]


def refused(folder: Path, **flags: object) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(folder, **flags)
    return str(error.value)


def test_defaults_are_those_that_the_documentation_names(project: Project) -> None:
    folder = project("")

    settings = load_settings(folder)

    assert (settings.localstack_port, settings.emr_port, settings.airflow_port) == (4566, 4570, 8080)
    assert (settings.host, settings.stack, settings.state) == ("127.0.0.1", "native", folder / ".windtunnel")


def test_flags_are_stronger_than_the_environment_and_that_than_the_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project("localstack_port = 1001\nemr_port = 1002\nairflow_port = 1003\n")
    monkeypatch.setenv("WINDTUNNEL_EMR_PORT", "2002")
    monkeypatch.setenv("WINDTUNNEL_AIRFLOW_PORT", "2003")

    settings = load_settings(folder, airflow_port=3003, emr_port=None)

    assert (settings.localstack_port, settings.emr_port, settings.airflow_port) == (1001, 2002, 3003)


def test_every_setting_is_handed_on_so_that_a_process_of_the_stack_reads_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = load_settings(
        project(""),
        emr_port=5001,
        host="0.0.0.0",  # noqa: S104
        state="elsewhere",
        cache="~/downloads",
        allowed_hosts="emr, other",
        emr_max_nodes=7,
        emr_web_ports="4580-4611",
    )
    for name, value in setting_variables(given).items():
        monkeypatch.setenv(name, value)

    assert load_settings(given.home) == given
    assert given.allowed_hosts == ("emr", "other")


def test_a_client_calls_what_binds_to_every_address_by_the_loopback_address(project: Project) -> None:
    settings = load_settings(project(""), host="0.0.0.0")  # noqa: S104

    assert settings.emr_url == "http://127.0.0.1:4570"


def test_a_relative_state_is_in_the_project_wherever_the_caller_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project("")
    (folder / "dags" / "deep").mkdir(parents=True)
    monkeypatch.chdir(folder / "dags" / "deep")

    assert load_settings(state="here").state == folder / "here"


def test_a_value_that_cannot_be_is_told_with_the_place_where_it_was_set(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project("emr_port = 'many'\n")
    assert f"{folder}/windtunnel.toml: emr_port is 'many'" in refused(folder)

    monkeypatch.setenv("WINDTUNNEL_EMR_PORT", "0")
    assert "WINDTUNNEL_EMR_PORT is '0'" in refused(folder)

    assert "--emr-port is 70000" in refused(folder, emr_port=70000)


def test_two_services_on_one_port_are_refused(project: Project) -> None:
    assert "WINDTUNNEL_AIRFLOW_PORT and WINDTUNNEL_EMR_PORT are both 4570" in refused(
        project(""), airflow_port=4570
    )


def test_web_pages_have_any_port_unless_a_range_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not load_settings(project("")).web_ports
    monkeypatch.setenv("WINDTUNNEL_EMR_WEB_PORTS", "")  # as a Compose file hands on what is not set
    assert not load_settings(project("")).web_ports
    monkeypatch.setenv("WINDTUNNEL_EMR_WEB_PORTS", " 4580 - 4611 ")
    assert load_settings(project("")).web_ports == range(4580, 4612)
    assert load_settings(project(""), emr_web_ports="4580-4580").web_ports == range(4580, 4581)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("many", "give the first and the last port, like 4580-4611"),
        ("4580", "give the first and the last port"),
        ("4580-", "give the first and the last port"),
        ("4580-4590-4600", "give the first and the last port"),
        ("4611-4580", "the first port comes first, so 4580-4611"),
        ("0-10", "ports are numbers from 1 to 65535"),
        ("65530-65536", "ports are numbers from 1 to 65535"),
        ("5000-5256", "256 ports are the most"),
    ],
)
def test_a_range_that_is_none_is_refused_with_what_to_give(project: Project, given: str, told: str) -> None:
    sentence = refused(project(""), emr_web_ports=given)
    assert f"--emr-web-ports is {given!r}: {told}" in sentence


def test_a_range_that_holds_the_port_of_a_service_is_refused(project: Project) -> None:
    assert (
        "WINDTUNNEL_EMR_WEB_PORTS 4560-4600 has 4566 in it, which is WINDTUNNEL_LOCALSTACK_PORT"
        in refused(project(""), emr_web_ports="4560-4600")
    )


def test_a_stack_that_does_not_exist_is_refused(project: Project) -> None:
    assert "--stack is 'podman': Input should be 'native' or 'docker'" in refused(project(""), stack="podman")


def test_celery_takes_the_stack_that_has_a_worker(project: Project) -> None:
    assert "take the Docker stack" in refused(project(""), airflow_executor="CeleryExecutor")
    celery = load_settings(project(""), airflow_executor="CeleryExecutor", stack="docker")
    assert celery.airflow_executor == "CeleryExecutor"


def test_settings_in_the_file_have_the_names_of_the_variables() -> None:
    assert set(names()) == Settings.model_fields.keys() - {"project"}


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    """`runtime_folder`, whose folders go with the test."""
    made = set()

    def folder(settings: Settings) -> Path:
        made.add(runtime_folder(settings))
        return runtime_folder(settings)

    yield folder
    for one in made:
        one.rmdir()


def test_the_runtime_folder_is_short_private_and_of_one_state_only(
    project: Project, tmp_path: Path, runtime: Runtime
) -> None:
    one = load_settings(project(""), state=tmp_path / ("deep/" * 40))
    other = load_settings(project(""), state=tmp_path / "other")

    folder = runtime(one)

    assert len(str(folder / "supervisord.sock.12345")) < 100
    assert folder.stat().st_mode & 0o777 == 0o700
    assert runtime(other) != folder == runtime(one)


def test_a_runtime_folder_that_others_may_enter_is_refused(
    project: Project, tmp_path: Path, runtime: Runtime
) -> None:
    settings = load_settings(project(""), state=tmp_path / "state")
    runtime(settings).chmod(0o755)

    with pytest.raises(StackError, match="nobody else can enter"):
        runtime_folder(settings)


@pytest.mark.parametrize("state", [".", "..", "~", "/"])
def test_a_state_that_holds_the_project_or_the_users_home_is_refused(project: Project, state: str) -> None:
    assert "take a folder of its own" in refused(project(""), state=state)


@pytest.mark.parametrize("path", ["a project", "fünf", "50%", "a,b", "a:b"])
def test_a_state_that_hadoop_cannot_work_in_is_refused_before_anything_starts(
    project: Project, path: str
) -> None:
    with pytest.raises(StackError, match="Hadoop cannot work in") as error:
        services(load_settings(project(""), state=path))
    assert "WINDTUNNEL_STATE" in str(error.value)


def test_an_address_of_the_new_internet_protocol_is_written_as_urls_have_it(project: Project) -> None:
    assert load_settings(project(""), host="::1", emr_port=5).emr_url == "http://[::1]:5"
