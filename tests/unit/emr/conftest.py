"""One service of Amazon EMR a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emr import Emr


@pytest.fixture
def emr(tmp_path: Path) -> Iterator[Emr]:
    """The service, without S3; what still runs at the end of the test is ended."""
    service = Emr(tmp_path / "emr", {})
    yield service
    service.stop()
