"""One service of Amazon EMR a test."""

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
