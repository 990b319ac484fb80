"""What LocalStack tells of its hooks."""

from pathlib import Path

import pytest

from windtunnel.stack import localstack
from windtunnel.stack.localstack import localstack_service
from windtunnel.stack.service import Service

HOOK = "/state/localstack/root/etc/localstack/init/ready.d/10_bucket.py"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return localstack_service(
        project=tmp_path / "project",
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        host="127.0.0.1",
        port=1,
        url="http://127.0.0.1:1",
        environment={"TMPDIR": "/elsewhere", "AIRFLOW__X__BUCKET": "b"},
    )


def tell(monkeypatch: pytest.MonkeyPatch, completed: bool, *states: str) -> None:
    scripts = [{"stage": "READY", "name": HOOK, "state": state} for state in states]
    answer = {"completed": completed, "scripts": scripts}
    monkeypatch.setattr(localstack, "ask", lambda _: answer)


def failure(service: Service) -> str | None:
    assert service.failure
    return service.failure()


def test_it_is_healthy_once_every_hook_succeeded(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, True, "SUCCESSFUL")

    assert service.healthy()
    assert failure(service) is None


def test_while_a_hook_runs_it_is_neither_healthy_nor_failed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, False, "RUNNING")

    assert not service.healthy()
    assert failure(service) is None


@pytest.mark.parametrize("state", ["ERROR", "RUNNING"])
def test_a_hook_that_failed_or_ended_itself_is_named(
    service: Service, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    tell(monkeypatch, True, "SUCCESSFUL", state)

    assert not service.healthy()
    assert "localstack-init/ready.d/10_bucket.py" in (failure(service) or "")


def test_nobody_there_is_no_failure_yet(service: Service) -> None:
    assert not service.healthy()
    assert failure(service) is None


def test_hooks_see_the_environment_and_no_temporary_file_goes_elsewhere(
    service: Service, tmp_path: Path
) -> None:
    assert service.environment["AIRFLOW__X__BUCKET"] == "b"
    assert service.environment["TEMP"].startswith(str(tmp_path))
    assert "TMPDIR" not in service.environment


def test_it_is_not_started_again_since_its_s3_would_be_empty(service: Service) -> None:
    assert service.restart is False
