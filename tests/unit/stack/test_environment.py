import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from windtunnel.aws.context import DEFAULT_ACCOUNT, request_context
from windtunnel.cli.serve import emr_config
from windtunnel.stack.environment import (
    Principal,
    accountless_environment,
    client_environment,
    export_lines,
    exports,
    option_variables,
    process_environment,
    step_environment,
)
from windtunnel.stack.native import services
from windtunnel.stack.records import record_of
from windtunnel.stack.settings import load_settings

Project = Callable[[str], Path]
SIGNED = "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/elasticmapreduce/aws4_request"
AWKWARD = 'it\'s "quoted", costs 5% of $HOME;\n # and `goes` \\on'


def toml(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'[mwaa.configuration_options]\n"my_section.value" = "{escaped}"\n'


def test_exports_lead_every_client_to_the_stack(project: Project) -> None:
    settings = load_settings(project(toml("x")), localstack_port=1, emr_port=2)

    assert exports(settings) == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_EMR": "http://127.0.0.1:2",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        "AIRFLOW__MY_SECTION__VALUE": "x",
    }


def test_an_option_of_a_dotted_section_is_named_as_airflow_reads_it() -> None:
    assert option_variables({"a.b.c_d": "1"}) == {"AIRFLOW__A_B__C_D": "1"}


def test_each_service_signs_with_the_key_of_its_principal_and_nobody_elses(project: Project) -> None:
    settings = load_settings(project(""))

    keys = {one.name: one.environment.get("AWS_ACCESS_KEY_ID") for one in services(settings)}

    airflow = {name: Principal.AIRFLOW for name in keys if name.startswith("airflow-")}
    assert len(airflow) == 4
    # LocalStack hands its own to the project's hooks.
    others = {"localstack": Principal.PERSON, "postgres": None, "emr": Principal.EMR}
    assert keys == airflow | others
    config = emr_config(settings)
    assert config.environment["AWS_ACCESS_KEY_ID"] == Principal.STEPS
    assert config.service_environment["AWS_ACCESS_KEY_ID"] == Principal.EMR
    assert client_environment(settings)["AWS_ACCESS_KEY_ID"] == Principal.PERSON


def test_no_key_is_an_account_or_one_that_localstack_reads_an_account_from() -> None:
    for principal in Principal:
        assert not principal[:12].isdigit()
        assert len(principal) < 20
        assert request_context(SIGNED.format(principal), "").account == DEFAULT_ACCOUNT
        assert request_context(SIGNED.format(principal), "").access_key == principal


def test_a_shell_reads_exactly_what_was_exported(project: Project) -> None:
    settings = load_settings(project(toml(AWKWARD)))
    script = f'{export_lines(settings)}\nprintf %s "$AIRFLOW__MY_SECTION__VALUE/$AWS_PROFILE"'

    read = subprocess.run(
        ["/bin/sh", "-c", script], env={"AWS_PROFILE": "mine"}, capture_output=True, text=True, check=True
    )

    assert read.stdout == f"{AWKWARD}/"


def test_nothing_of_the_users_aws_account_reaches_any_process(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "mine")
    settings = load_settings(project(""))

    for make in (process_environment, client_environment, step_environment):
        found = make(settings)
        assert "mine" not in found.values()
        assert found["AWS_CONFIG_FILE"] == found["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert "mine" not in accountless_environment().values()


def test_a_process_of_the_stack_sees_little_of_the_shell_that_started_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "intranet")

    found = process_environment(load_settings(project("")))

    assert not {"GITHUB_TOKEN", "PYTHONPATH"} & found.keys()
    assert found["HTTPS_PROXY"] == "http://proxy:3128"
    assert found["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_a_projects_command_keeps_the_callers_variables_and_finds_our_python(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWS", "20")

    found = client_environment(load_settings(project("")))

    assert found["ROWS"] == "20"
    ran = subprocess.run(["python", "-c", "import windtunnel"], env=found, check=False)
    assert ran.returncode == 0


def test_everything_of_a_stack_is_marked_but_tests_which_would_end_with_it(project: Project) -> None:
    settings = load_settings(project(""))

    for make in (process_environment, client_environment, step_environment):
        assert make(settings)["WINDTUNNEL_HOME"] == str(settings.home)
        assert make(settings)["WINDTUNNEL_STATE"] == str(settings.state)
    assert "WINDTUNNEL_HOME" not in accountless_environment()


def test_nothing_of_the_shell_but_a_setting_makes_another_service(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project("")

    def definitions() -> list[object]:
        return [record_of(service, {}).definition for service in services(load_settings(folder))]

    before = definitions()
    for name in ("NO_PROXY", "HTTPS_PROXY", "WINDTUNNEL_NEVER_HEARD_OF", "AWS_PROFILE", "EDITOR"):
        monkeypatch.setenv(name, "other")
    assert definitions() == before
    monkeypatch.setenv("WINDTUNNEL_EMR_MAX_NODES", "7")
    assert definitions() != before
