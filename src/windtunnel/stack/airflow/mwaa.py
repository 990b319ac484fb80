"""The contract of Amazon MWAA's image: what its MWAA__… variables mean for Airflow's environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from windtunnel.stack.airflow.configuration import OPINIONATED, essential_environment, merge
from windtunnel.stack.airflow.requirements import MWAA_HOME
from windtunnel.stack.airflow.secrets import Secrets
from windtunnel.stack.errors import StackError

HOME = Path(MWAA_HOME)
COMMANDS = ("webserver", "scheduler", "worker", "migrate-db", "hybrid")
LOCAL, CELERY = "LocalExecutor", "CeleryExecutor"
VISIBILITY_SECONDS = 43200
"""How long a message is hidden from other workers: longer than a task may take."""


@dataclass(frozen=True)
class Container:
    """One container of Airflow: a command of `COMMANDS`, and the environment that the container was given."""

    command: str
    given: Mapping[str, str]

    @property
    def is_celery(self) -> bool:
        return self.executor == CELERY

    @property
    def executor(self) -> str:
        """Raises StackError for one that MWAA does not have."""
        named = self.given.get("MWAA__CORE__EXECUTOR_TYPE") or CELERY
        for known in (LOCAL, CELERY):
            if named.lower() == known.lower():
                return known
        raise StackError(f"MWAA__CORE__EXECUTOR_TYPE is {named!r}: it is {LOCAL} or {CELERY}.")

    @property
    def startup(self) -> Path | None:
        """The startup script, which migrate-db runs without."""
        named = self.given.get("MWAA__CORE__STARTUP_SCRIPT_PATH")
        return Path(named) if named and self.command != "migrate-db" and Path(named).is_file() else None

    @property
    def requirements(self) -> Path | None:
        named = self.given.get("MWAA__CORE__REQUIREMENTS_PATH")
        return Path(named) if named else None

    @property
    def queue_url(self) -> str:
        return self._needed("MWAA__SQS__QUEUE_URL")

    @property
    def queue(self) -> str:
        """The name of the queue that Celery uses."""
        return self.queue_url.rpartition("/")[2]

    @property
    def makes_queue(self) -> bool:
        return self.is_celery and self.given.get("MWAA__SQS__CREATE_QUEUE", "").lower() == "true"

    @property
    def options(self) -> dict[str, str]:
        """The configuration options of the environment, as the variables that Airflow reads."""
        if self.command == "migrate-db":
            return {}
        return {
            name: str(value) for name, value in self._object("MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS").items()
        }

    def environment(self, startup: Mapping[str, str]) -> dict[str, str]:
        """What Airflow gets, in MWAA's order; `startup` is what the startup script exported.

        Raises StackError for a variable that is missing or cannot be read.
        """
        return merge(
            container=self.given,
            opinionated=OPINIONATED,
            startup=startup,
            options=self.options,
            essential=self.essential(),
        )

    def essential(self) -> dict[str, str]:
        """The strongest layer."""
        fernet = self._needed("MWAA__CORE__FERNET_KEY")
        secrets = Secrets(
            fernet_key=self._member("MWAA__CORE__FERNET_KEY", "FernetKey"),
            api_secret_key=self._member("MWAA__WEBSERVER__SECRET", "secret_key"),
            jwt_secret=fernet,
        )
        url = self._needed("MWAA__CORE__API_SERVER_URL")
        essential = essential_environment(
            url=url if "://" in url else f"https://{url}",
            database_url=self._database_url(),
            secrets=secrets,
            component=self.command,
        )
        return {**essential, **(self._celery() if self.is_celery else {})}

    def _database_url(self) -> str:
        host, port, name = (self._needed(f"MWAA__DB__POSTGRES_{part}") for part in ("HOST", "PORT", "DB"))
        credentials = self._object("MWAA__DB__CREDENTIALS")
        user = credentials.get("username") or self._needed("MWAA__DB__POSTGRES_USER")
        password = credentials.get("password") or self._needed("MWAA__DB__POSTGRES_PASSWORD")
        mode = self.given.get("MWAA__DB__POSTGRES_SSLMODE") or "require"
        return f"postgresql+psycopg2://{quote(user)}:{quote(password, safe='')}@{host}:{port}/{name}?sslmode={mode}"

    def _celery(self) -> dict[str, str]:
        endpoint = urlsplit(self._needed("MWAA__SQS__CUSTOM_ENDPOINT"))
        secure = self.given.get("MWAA__SQS__USE_SSL", "true").lower() == "true"
        transport = {
            "predefined_queues": {name: {"url": self.queue_url} for name in (self.queue, "default")},
            "is_secure": secure,
            "region": self._needed("AWS_REGION"),
            "visibility_timeout": VISIBILITY_SECONDS,
        }
        keys = ":".join(
            quote(self._needed(name), safe="") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        )
        return {
            "AIRFLOW__CORE__EXECUTOR": CELERY,
            "AIRFLOW__CELERY__BROKER_URL": f"sqs://{keys}@{endpoint.netloc}",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{self._database_url()}",
            "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
            "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": json.dumps({"broker_transport_options": transport}),
            "AIRFLOW__OPERATORS__DEFAULT_QUEUE": self.queue,
        }

    def _needed(self, name: str) -> str:
        if value := self.given.get(name):
            return value
        raise StackError(f"The container lacks the variable {name}: docker/compose.yaml says what it takes.")

    def _member(self, name: str, key: str) -> str:
        if value := self._object(name).get(key):
            return str(value)
        raise StackError(f'The container\'s variable {name} has no "{key}".')

    def _object(self, name: str) -> dict[str, Any]:
        """A variable that is a JSON object; its text, which may be a secret, is told to nobody."""
        try:
            found = json.loads(self.given.get(name) or "{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise StackError(f"The container's variable {name} is not a JSON object.")
        return found
