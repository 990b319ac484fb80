"""The services of docker/compose.yaml, as far as a start and a status have to know them."""

from dataclasses import dataclass

from windtunnel.stack import localstack, postgres
from windtunnel.stack.airflow import startup
from windtunnel.stack.lifecycle import EMR
from windtunnel.stack.settings import Settings

WEBSERVER, SCHEDULER, WORKER = "airflow-webserver", "airflow-scheduler", "airflow-worker"
MIGRATION, QUEUE = "airflow-migrate-db", "airflow-queue"
PUBLISHED = (localstack.NAME, postgres.NAME)
"""Those whose images others publish; ours use them."""
REQUIREMENTS_SECONDS = 540
"""As long as MWAA lets them be installed."""


@dataclass(frozen=True)
class ComposeService:
    """A service; `port` is this machine's."""

    name: str
    port: int | None = None
    setting: str = ""
    """The setting of the port."""
    start_seconds: float = 120
    ends: bool = False
    """It does its work and ends; a start waits for that."""


def compose_services(settings: Settings) -> list[ComposeService]:
    """Those that `settings` ask for, in the order of their start."""
    airflow = 180.0 + startup.SECONDS + REQUIREMENTS_SECONDS
    celery = settings.airflow_executor == "CeleryExecutor"
    return [
        ComposeService(localstack.NAME, settings.localstack_port, "localstack_port", start_seconds=240),
        ComposeService(postgres.NAME),
        ComposeService(EMR, settings.emr_port, "emr_port"),
        ComposeService(MIGRATION, start_seconds=240, ends=True),
        *([ComposeService(QUEUE, ends=True)] if celery else []),
        ComposeService(WEBSERVER, settings.airflow_port, "airflow_port", start_seconds=airflow),
        ComposeService(SCHEDULER, start_seconds=airflow),
        *([ComposeService(WORKER, start_seconds=airflow)] if celery else []),
    ]
