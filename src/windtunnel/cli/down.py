"""`windtunnel down`"""

from windtunnel.cli.flags import with_settings
from windtunnel.install.progress import terminal_progress
from windtunnel.stack.lifecycle import down
from windtunnel.stack.settings import Settings


@with_settings
def main(settings: Settings) -> None:
    """Live EMR clusters are terminated. The history of EMR and Airflow is there again after the next start;
    S3 is not, since LocalStack keeps it in memory.
    """
    stopped = bring_down(settings)
    print("The stack is down." if stopped else "Nothing was running.")


def bring_down(settings: Settings) -> int:
    """Stop everything; how many services were running."""

    def end_clusters() -> None:
        # Only when the EMR service was killed: a usual end needs nothing of it.
        from windtunnel.cli.serve import alone, emr_config
        from windtunnel.emr.service import stop_clusters

        config = emr_config(settings)
        if config.database.exists():
            with alone(config):
                stop_clusters(config)

    return down(settings, end_clusters, terminal_progress())
