"""What the variables of Amazon MWAA's image mean for Airflow."""

import json
from pathlib import Path
from typing import Any

import pytest

from windtunnel.stack.airflow.mwaa import Container
from windtunnel.stack.errors import StackError

GIVEN = {
    "MWAA__CORE__EXECUTOR_TYPE": "LocalExecutor",
    "MWAA__CORE__FERNET_KEY": '{"FernetKey": "fernet"}',
    "MWAA__WEBSERVER__SECRET": '{"secret_key": "api"}',
    "MWAA__CORE__API_SERVER_URL": "http://webserver:8080",
    "MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS": '{"AIRFLOW__SALARY_PIPELINE__BUCKET": "b"}',
    "MWAA__DB__CREDENTIALS": '{"username": "airflow", "password": "p@ss/word"}',
    "MWAA__DB__POSTGRES_HOST": "postgres",
    "MWAA__DB__POSTGRES_PORT": "5432",
    "MWAA__DB__POSTGRES_DB": "airflow",
    "MWAA__DB__POSTGRES_SSLMODE": "prefer",
    "MWAA__SQS__CREATE_QUEUE": "True",
    "MWAA__SQS__CUSTOM_ENDPOINT": "http://localstack:4566",
    "MWAA__SQS__QUEUE_URL": "http://localstack:4566/000000000000/airflow-celery",
    "MWAA__SQS__USE_SSL": "False",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def container(command: str = "scheduler", **given: str) -> Container:
    return Container(command, GIVEN | given)


def celery() -> dict[str, str]:
    return container("worker", MWAA__CORE__EXECUTOR_TYPE="CeleryExecutor").environment({})


def test_keys_url_and_database_reach_airflow() -> None:
    made = container().environment({})
    assert made["AIRFLOW__CORE__FERNET_KEY"] == "fernet"
    assert made["AIRFLOW__API__SECRET_KEY"] == "api"
    assert made["AIRFLOW__API_AUTH__JWT_SECRET"] == GIVEN["MWAA__CORE__FERNET_KEY"]
    assert made["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://webserver:8080/execution/"
    assert made["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == (
        "postgresql+psycopg2://airflow:p%40ss%2Fword@postgres:5432/airflow?sslmode=prefer"
    )


def test_an_option_is_stronger_than_startup_and_weaker_than_what_mwaa_needs() -> None:
    options = {
        "AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "False",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "True",
    }
    made = container(MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS=json.dumps(options)).environment(
        {"AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "True", "MINE": "1"}
    )
    assert made["AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER"] == "False"
    assert made["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert made["MINE"] == "1"


def test_the_migration_runs_without_startup_script_and_options(tmp_path: Path) -> None:
    script = tmp_path / "startup.sh"
    script.touch()
    named = {"MWAA__CORE__STARTUP_SCRIPT_PATH": str(script)}
    assert container("migrate-db", **named).startup is None
    assert container("migrate-db", **named).options == {}
    assert container("worker", **named).startup == script


def test_celery_finds_its_one_queue_at_the_endpoint_that_was_given() -> None:
    made = celery()
    assert made["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert made["AIRFLOW__CELERY__BROKER_URL"] == "sqs://test:test@localstack:4566"
    assert made["AIRFLOW__CELERY__RESULT_BACKEND"].startswith("db+postgresql+psycopg2://airflow:")
    assert made["AIRFLOW__OPERATORS__DEFAULT_QUEUE"] == "airflow-celery"
    transport = json.loads(made["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"])["broker_transport_options"]
    assert transport["predefined_queues"]["airflow-celery"]["url"] == GIVEN["MWAA__SQS__QUEUE_URL"]
    assert (transport["is_secure"], transport["region"], transport["visibility_timeout"]) == (
        False,
        "us-east-1",
        43200,
    )


def test_without_an_executor_it_is_celery_as_on_mwaa() -> None:
    assert container(MWAA__CORE__EXECUTOR_TYPE="").is_celery
    assert not container(MWAA__CORE__EXECUTOR_TYPE="localexecutor").is_celery


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"MWAA__CORE__EXECUTOR_TYPE": "KubernetesExecutor"}, "it is LocalExecutor or CeleryExecutor"),
        ({"MWAA__DB__POSTGRES_HOST": ""}, "lacks the variable MWAA__DB__POSTGRES_HOST"),
        ({"MWAA__DB__CREDENTIALS": "secret-but-no-json"}, "MWAA__DB__CREDENTIALS is not a JSON object"),
        ({"MWAA__CORE__FERNET_KEY": "{}"}, 'MWAA__CORE__FERNET_KEY has no "FernetKey"'),
    ],
)
def test_what_is_missing_is_named_and_no_secret_is(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StackError) as refused:
        container(**given).environment({})
    assert sentence in str(refused.value)
    assert "secret-but-no-json" not in str(refused.value)
