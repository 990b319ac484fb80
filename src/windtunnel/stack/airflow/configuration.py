"""The environment variables of MWAA's Airflow: flat tables, and the one function that merges them.

From weak to strong: container < opinionated < startup.sh < configuration options < protected < essential.
"""

from collections.abc import Mapping
from pathlib import Path

from windtunnel.stack.airflow.secrets import Secrets

CONTAINER = {
    # What suits one person at a desk. All of it is weak: a project's configuration option wins.
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CORE__PARALLELISM": "8",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    # A file that changed is read at once whatever this says; it is for what the files import.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
    # An edit counts at once, not half a minute after the one before.
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "1",
    # After a scheduler was killed, its tasks go on within half a minute, not five.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
}
"""Ours, in the place of the environment that MWAA gives its containers."""

OPINIONATED = {
    "AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "True",
    "AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES": "proxy,proxies",
    "AIRFLOW__SCHEDULER__SCHEDULE_AFTER_TASK_EXECUTION": "False",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "1800.0",
    "AIRFLOW__SECRETS__BACKEND_KWARGS": '{"connections_lookup_pattern": "^(?!aws_default$).*$"}',
    "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS": '{"connections_lookup_pattern": "^(?!aws_default$).*$"}',
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
}
"""What MWAA thinks good and a user may change."""

ESSENTIAL = {
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    "AIRFLOW__SCHEDULER__STANDALONE_DAG_PROCESSOR": "True",
    "AIRFLOW__API_AUTH__JWT_ALGORITHM": "HS256",
    "AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME": "86400",
}
"""What MWAA's Airflow cannot do without: nothing changes it."""

PROTECTED = frozenset(
    {
        "AIRFLOW_ENV_ID",
        "AIRFLOW_ENV_NAME",
        "AIRFLOW_HOME",
        "AIRFLOW_TASK_REVISION_ID",
        "AIRFLOW_VERSION",
        "AIRFLOW__API__BASE_URL",
        "AIRFLOW__AWS_MWAA__REDIRECT_URL",
        "AIRFLOW__CORE__DATABASE_ACCESS_ISOLATION",
        "AIRFLOW__WEBSERVER__BASE_URL",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_REGION",
        "CUSTOMER_ACCOUNT_ID",
        "ECS_AGENT_URI",
        "ECS_CONTAINER_METADATA_URI",
        "ECS_CONTAINER_METADATA_URI_V4",
        "JWT_PUBLIC_KEY",
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
        "USE_NON_CRITICAL_LOGGING",
        "WATCHTOWER_VERSION",
    }
)
"""The variables of the container that neither startup.sh nor an option changes; so are all MWAA__*."""


_ESSENTIAL_BESIDES = frozenset(
    {
        "AIRFLOW__CORE__AUTH_MANAGER",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW__CELERY__BROKER_URL",
        "AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS",
        "AIRFLOW__CELERY__RESULT_BACKEND",
        "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__FAB__CONFIG_FILE",
        "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS",
        "AIRFLOW__OPERATORS__DEFAULT_QUEUE",
    }
)
"""What else MWAA sets in the same way, with values of each environment's own."""


def is_essential(variable: str) -> bool:
    """Whether MWAA sets `variable` last, so that neither startup.sh nor an option changes it."""
    return variable in ESSENTIAL or variable in _ESSENTIAL_BESIDES


def is_protected(variable: str) -> bool:
    """Whether the container's value of `variable` outlives startup.sh and the options."""
    return variable.startswith("MWAA__") or variable in PROTECTED


def merge(
    *,
    container: Mapping[str, str],
    opinionated: Mapping[str, str],
    startup: Mapping[str, str],
    options: Mapping[str, str],
    essential: Mapping[str, str],
) -> dict[str, str]:
    """The environment of an Airflow process, each layer stronger than the one before.

    As in MWAA, the container's protected variables come before `essential`, and an empty value counts as
    not set.
    """
    protected = {name: value for name, value in container.items() if is_protected(name)}
    merged = {**container, **opinionated, **startup, **options, **protected, **essential}
    return {name: value for name, value in merged.items() if value}


def container_environment(
    *,
    project: Path,
    home: Path,
    url: str,
    version: str,
    revision: str,
    environment: Mapping[str, str],
) -> dict[str, str]:
    """The weakest layer: what suits a desk, `environment` (with the variables of AWS's SDKs), the folders.

    `url` is the api-server's, `home` is AIRFLOW_HOME, `revision` stands for the project's files that are
    read at the start only.
    """
    dags, plugins = project / "dags", project / "plugins"
    return {
        **CONTAINER,
        **environment,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_TASK_REVISION_ID": revision,
        "AIRFLOW_VERSION": version,
        "AIRFLOW_ENV_NAME": project.name,
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "AWS_EXECUTION_ENV": execution_env(version),
        "PYTHONPATH": f"{dags}:{plugins}",
        "PYTHONUNBUFFERED": "1",
    }


def execution_env(version: str) -> str:
    """What AWS_EXECUTION_ENV is on an MWAA of Airflow `version` ("3.0.6")."""
    return f"Amazon_MWAA_{version.replace('.', '')}"


def essential_environment(*, url: str, database_url: str, secrets: Secrets, component: str) -> dict[str, str]:
    """The strongest layer. `component` is MWAA's word for the process: webserver, scheduler, worker."""
    return {
        **ESSENTIAL,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
        "AIRFLOW__API__SECRET_KEY": secrets.api_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
        "MWAA_AIRFLOW_COMPONENT": component,
        "MWAA_COMMAND": component,
        # A process that names itself would write over the environment that its stack finds it by.
        "SPT_NOENV": "1",
    }
