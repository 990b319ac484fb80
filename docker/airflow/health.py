"""Whether the processes of a container of Airflow work: `python3 health.py webserver|scheduler|worker`.

Of the standard library alone, since it is also run in Amazon MWAA's own image.
"""

import json
import os
import socket
import sys
import time
import urllib.request
from datetime import datetime
from http.client import HTTPException

COMPONENTS = {"scheduler": ("scheduler", "dag_processor", "triggerer")}
OWN = "http://127.0.0.1:8080"
LOG_PORT = 8793
"""Where Celery's worker serves the logs of its tasks."""


def container_started() -> float:
    """When the container's first process was started, in seconds since 1970."""
    with open("/proc/1/stat") as stat, open("/proc/uptime") as uptime:  # noqa: PTH123
        ticks = int(stat.read().rpartition(")")[2].split()[19])
        return time.time() - float(uptime.read().split()[0]) + ticks / os.sysconf("SC_CLK_TCK")


def health(url: str) -> dict[str, dict[str, str]]:
    """What the api-server tells of all components."""
    with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310
        found: dict[str, dict[str, str]] = json.load(answer)
    return found


def is_well(component: str, told: dict[str, dict[str, str]], since: float) -> bool:
    """Whether a component is healthy, and was heard of since then: before, it was another container's."""
    part = told.get(component) or {}
    heartbeat = part.get(f"latest_{component}_heartbeat")
    return (
        part.get("status") == "healthy"
        and bool(heartbeat)
        and datetime.fromisoformat(str(heartbeat).replace("Z", "+00:00")).timestamp() >= since
    )


def main(container: str) -> None:
    """End with a sentence when something is not well."""
    try:
        if container == "worker":
            socket.create_connection(("127.0.0.1", LOG_PORT), timeout=5).close()
            return
        told = health(OWN if container == "webserver" else os.environ["MWAA__CORE__API_SERVER_URL"])
    except (OSError, ValueError, HTTPException) as error:
        sys.exit(f"{container} does not answer: {error}")
    if container == "webserver":
        if told.get("metadatabase", {}).get("status") != "healthy":
            sys.exit("The metadata database does not answer.")
        return
    since = container_started()
    if bad := [name for name in COMPONENTS[container] if not is_well(name, told, since)]:
        sys.exit(f"Not well, or not heard of yet: {', '.join(bad)}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
