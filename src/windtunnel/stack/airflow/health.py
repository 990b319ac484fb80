"""Whether Airflow's processes work, by the document in which its api-server tells of all of them."""

from datetime import datetime
from pathlib import Path
from typing import Any

from windtunnel.stack.ask import ask

PATH = "/api/v2/monitor/health"


def server_healthy(url: str) -> bool:
    """Whether the api-server answers and reaches the metadata database."""
    return _status(ask(url + PATH), "metadatabase") == "healthy"


def component_healthy(url: str, component: str, started: Path) -> bool:
    """Whether `component` (scheduler, dag_processor, triggerer) is healthy and was heard of since it started.

    `started` is the file that was written at its start: an older heartbeat is that of one before.
    """
    found = ask(url + PATH)
    if _status(found, component) != "healthy":
        return False
    heartbeat = found[component].get(f"latest_{component}_heartbeat")
    try:
        return bool(heartbeat) and datetime.fromisoformat(heartbeat).timestamp() >= started.stat().st_mtime
    except (OSError, ValueError):
        return False


def _status(found: dict[str, Any], component: str) -> str | None:
    part = found.get(component)
    return part.get("status") if isinstance(part, dict) else None
