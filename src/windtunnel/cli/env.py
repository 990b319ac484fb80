"""`windtunnel env`"""

from windtunnel.cli.flags import with_settings
from windtunnel.stack.environment import export_lines
from windtunnel.stack.settings import Settings


@with_settings
def main(settings: Settings) -> None:
    """Endpoints, keys, region and the project's Airflow options, as lines that a shell evaluates."""
    print(export_lines(settings))
