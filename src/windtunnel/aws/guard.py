"""Keeps web pages out: a browser must not be able to make this machine run a step.

A page that somebody visits can send requests to ports of this machine, from its own origin or under a name of
its own that resolves to this machine (DNS rebinding). Neither gets through: the Host header must name this
machine as its owner does, and so must the Origin header of whatever has one.
"""

import ipaddress
import json
import logging
import re
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^:/@\[\]\s]+)(:\d{1,5})?")

logger = logging.getLogger(__name__)


class Guard:
    """ASGI middleware that refuses (403) requests whose Host or Origin names neither this machine nor a host
    that the user has allowed. Ports don't matter."""

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str]) -> None:
        self._app = app
        self._allowed = frozenset(host.strip().lower() for host in allowed_hosts)
        self._passes = lru_cache(maxsize=256)(self._check_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it with the sentence that says why not."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            logger.warning("A request was refused: %s", refusal)
            await _forbid(send, refusal)

    def _refusal(self, scope: Scope) -> str | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if len(hosts) != 1:
            return "The request must have one Host header."
        if not self._passes(hosts[0]):
            return (
                f"The Host {hosts[0][:200]!r} is neither this machine's loopback name nor allowed."
                " If it is yours, add its name to WINDTUNNEL_ALLOWED_HOSTS and start again."
            )
        if foreign := [origin for origin in origins if not self._passes(origin.partition("://")[2])]:
            return (
                f"A web page of {foreign[0][:200]!r} may not use this API."
                " If the page is yours, add its host's name to WINDTUNNEL_ALLOWED_HOSTS and start again."
            )
        return None

    def _check_host(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if not found:
            return False
        name = found["name"].strip("[]").lower().removesuffix(".")
        return name in self._allowed or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


async def _forbid(send: Send, sentence: str) -> None:
    body = json.dumps({"__type": "AccessDeniedException", "message": sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-errortype", b"AccessDeniedException"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
