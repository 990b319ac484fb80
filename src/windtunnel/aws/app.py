"""The front door: one Starlette application for all services."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from windtunnel.aws.gateway import Gateway, Observer
from windtunnel.aws.guard import Guard
from windtunnel.aws.service import Service

HEALTH_PATH = "/health"

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def create_app(
    services: Sequence[Service],
    *,
    allowed_hosts: Iterable[str],
    lifespan: Lifespan | None = None,
    routes: Sequence[Route] = (),
    observer: Observer | None = None,
) -> Starlette:
    """The application that answers for these services, at `POST /`, and `GET /health`.

    `allowed_hosts` are names (no ports) that requests may use beside the loopback's own.
    `lifespan` is entered before the first request and left after the last. `routes` are pages beside the API.
    `observer` is told of each request before it is answered, also of those that are then refused.
    """

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"services": {service.name: "running" for service in services}})

    return Starlette(
        routes=[
            *routes,
            Route(HEALTH_PATH, health, methods=["GET"]),
            Mount("/", app=Gateway(services, observer)),
        ],
        middleware=[Middleware(Guard, allowed_hosts=tuple(allowed_hosts))],
        lifespan=lifespan,
    )
