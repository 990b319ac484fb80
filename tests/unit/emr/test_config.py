from pathlib import Path

import pytest

from windtunnel.emr.config import EmrConfig
from windtunnel.install import machine

GIB = 1 << 30


@pytest.mark.parametrize(
    ("memory", "nodes"),
    [(1, 2), (2, 2), (4, 2), (4.2, 3), (4.6, 4), (4.9, 5), (8, 5), (16, 5), (24, 7), (64, 17)],
)
def test_a_cluster_has_a_master_and_four_workers_but_where_a_job_would_have_no_room_beside_them(
    memory: float, nodes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: int(memory * GIB))
    assert EmrConfig(state=tmp_path, cache=tmp_path).max_nodes == nodes


@pytest.mark.parametrize(("cores", "executors"), [(1, 1), (4, 1), (7, 1), (8, 2), (64, 16)])
def test_dynamic_allocation_may_ask_for_an_executor_for_every_four_cores(
    cores: int, executors: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: cores)
    assert EmrConfig(state=tmp_path, cache=tmp_path).max_executors == executors
