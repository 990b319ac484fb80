"""The real LocalStack, on a free port and in a folder of the test's own."""

import os
from pathlib import Path

from tests.ports import free_port
from windtunnel.install.progress import SILENT
from windtunnel.stack.localstack import HOOKS, install, localstack_service
from windtunnel.stack.service import Service


def own_localstack(home: Path, cache: Path, **environment: str) -> Service:
    """Installed, to be started; its hooks are `home`'s, and see `environment` and its own address."""
    install(cache=cache, progress=SILENT)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (home / HOOKS).mkdir(parents=True)
    return localstack_service(
        project=home,
        state=home / "state",
        cache=cache,
        host="127.0.0.1",
        port=port,
        url=url,
        environment={"PATH": os.environ["PATH"], "HOME": str(home), "AWS_ENDPOINT_URL": url, **environment},
    )


def url_of(localstack: Service) -> str:
    return localstack.links["LocalStack"]
