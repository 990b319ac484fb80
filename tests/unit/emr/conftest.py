"""The service for tests of clusters that change their size."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emr import Emr
from windtunnel.emr import cluster_reconciler


@pytest.fixture
def attentive_emr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emr]:
    """It looks at its nodes all the time: each change of a size takes a few looks."""
    monkeypatch.setattr(cluster_reconciler, "HEALTH_SECONDS", 0.1)
    monkeypatch.setattr(cluster_reconciler, "RESIZING_SECONDS", 0.1)
    service = Emr(tmp_path, {})
    yield service
    service.stop()
