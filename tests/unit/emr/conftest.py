"""Services of Amazon EMR: one a test, or one a module in which nothing moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emr import Emr
from windtunnel.emr import cluster_reconciler


@pytest.fixture
def emr(tmp_path: Path) -> Iterator[Emr]:
    """The service, without S3; what still runs at the end of the test is ended."""
    service = Emr(tmp_path / "emr", {})
    yield service
    service.stop()


@pytest.fixture
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service looks at its nodes all the time: each change of a cluster's size takes a few looks."""
    monkeypatch.setattr(cluster_reconciler, "HEALTH_SECONDS", 0.1)
    monkeypatch.setattr(cluster_reconciler, "RESIZING_SECONDS", 0.1)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    """A service for the tests of a module, in which nothing moves: what was created stays in its first state."""
    service = Emr(tmp_path_factory.mktemp("emr"), {})
    service.reconciler.halt()
    yield service
    service.crash()
