"""MWAA's order of configuration."""

from itertools import pairwise
from pathlib import Path

import pytest

from windtunnel.stack.airflow.configuration import (
    CONTAINER,
    ESSENTIAL,
    OPINIONATED,
    PROTECTED,
    container_environment,
    essential_environment,
    is_protected,
    merge,
)
from windtunnel.stack.airflow.secrets import keep_secrets

LAYERS = ("container", "opinionated", "startup", "options", "essential")
NOTHING: dict[str, dict[str, str]] = {layer: {} for layer in LAYERS}
NAME = "AIRFLOW__CORE__PARALLELISM"


@pytest.mark.parametrize(("weak", "strong"), list(pairwise(LAYERS)))
def test_each_layer_gives_way_to_the_next_one(weak: str, strong: str) -> None:
    layers = NOTHING | {weak: {NAME: weak, "ONLY": weak}, strong: {NAME: strong}}

    assert merge(**layers) == {NAME: strong, "ONLY": weak}


@pytest.mark.parametrize("layer", ["opinionated", "startup", "options"])
@pytest.mark.parametrize("variable", ["PYTHONPATH", "AIRFLOW_HOME", "AWS_REGION", "MWAA__CORE__ANYTHING"])
def test_a_protected_variable_of_the_container_outlives(layer: str, variable: str) -> None:
    layers = NOTHING | {"container": {variable: "container"}, layer: {variable: layer}}

    assert merge(**layers) == {variable: "container"}


def test_essential_comes_even_before_a_protected_variable() -> None:
    layers = NOTHING | {"container": {"AIRFLOW_HOME": "/a"}, "essential": {"AIRFLOW_HOME": "/b"}}

    assert merge(**layers) == {"AIRFLOW_HOME": "/b"}


def test_an_endpoint_is_not_protected_so_startup_sh_may_point_a_service_elsewhere() -> None:
    layers = NOTHING | {"container": {"AWS_ENDPOINT_URL_S3": "a"}, "startup": {"AWS_ENDPOINT_URL_S3": "b"}}

    assert merge(**layers) == {"AWS_ENDPOINT_URL_S3": "b"}


def test_an_empty_value_counts_as_not_set() -> None:
    layers = NOTHING | {"container": {NAME: "8", "KEPT": "x"}, "options": {NAME: ""}}

    assert merge(**layers) == {"KEPT": "x"}


def test_no_value_of_ours_for_the_desk_is_out_of_a_users_reach() -> None:
    assert not any(is_protected(name) or name in ESSENTIAL for name in CONTAINER)


def test_the_opinionated_and_the_essential_tables_do_not_meet() -> None:
    assert not OPINIONATED.keys() & ESSENTIAL.keys()
    assert not OPINIONATED.keys() & PROTECTED


def test_the_container_sees_the_projects_folders_and_the_given_endpoints(tmp_path: Path) -> None:
    environment = container_environment(
        project=tmp_path,
        home=tmp_path / "home",
        url="http://127.0.0.1:1",
        version="3.0.6",
        revision="abc",
        environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:2", "AIRFLOW__API__WORKERS": "3"},
    )

    assert environment["PYTHONPATH"] == f"{tmp_path}/dags:{tmp_path}/plugins"
    assert environment["AIRFLOW__CORE__DAGS_FOLDER"] == f"{tmp_path}/dags"
    assert environment["AWS_EXECUTION_ENV"] == "Amazon_MWAA_306"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:2"
    assert environment["AIRFLOW__API__WORKERS"] == "3"


def test_essential_points_tasks_to_this_api_server_and_this_database(tmp_path: Path) -> None:
    environment = essential_environment(
        url="http://127.0.0.1:1",
        database_url="postgresql://x",
        secrets=keep_secrets(tmp_path),
        component="worker",
    )

    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:1/execution/"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql://x"
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert environment["MWAA_AIRFLOW_COMPONENT"] == "worker"


def test_secrets_are_made_once_and_only_the_user_reads_them(tmp_path: Path) -> None:
    first, second = keep_secrets(tmp_path), keep_secrets(tmp_path)

    assert first == second
    assert len({first.fernet_key, first.api_secret_key, first.jwt_secret}) == 3
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
