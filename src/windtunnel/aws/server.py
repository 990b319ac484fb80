"""Serves an application until it is told to stop."""

import logging
import signal
import socket
import sys
import time

import uvicorn
from starlette.applications import Starlette

_BACKLOG = 2048
_GRACE_SECONDS = 10
"""For requests under way at the stop. Handlers don't wait, so this is for slow clients only."""


def serve(app: Starlette, host: str, port: int) -> None:
    """Serves the application at http://host:port until SIGTERM or SIGINT, then returns.

    The port is taken before the application's lifespan starts, and the lifespan has ended when this returns.
    Logs go to stderr, a line each, in UTC. Raises OSError if the port can't be had, SystemExit if the
    lifespan fails to start; the log has its traceback.
    """
    configure_logging()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=_BACKLOG) as listener:
        config = uvicorn.Config(
            app,
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        # uvicorn raises the signal once more when it is done; with its own handler in place it then returns.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)
        server.run(sockets=[listener])


def configure_logging() -> None:
    """Plain lines on stderr: time in UTC, level, logger, message."""
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s")
    formatter.datefmt = "%Y-%m-%dT%H:%M:%S"
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each look at a daemon
