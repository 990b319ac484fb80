import os
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from windtunnel.install import machine

GIB = 1 << 30
UNLIMITED = "9223372036854771712"
Cgroups = Callable[[str, Mapping[str, str]], tuple[Path, Path]]


@pytest.fixture(autouse=True)
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 GiB and 16 cores, all of which this process may use."""
    total = psutil.virtual_memory()._replace(total=64 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: total)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


@pytest.fixture
def cgroups(tmp_path: Path) -> Cgroups:
    """A folder of cgroups with these files, and a file that says which of them are the process's own."""

    def make(own: str, files: Mapping[str, str]) -> tuple[Path, Path]:
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        (tmp_path / "own").write_text(own)
        return tmp_path / "cgroup", tmp_path / "own"

    return make


def test_without_a_limit_there_is_what_the_machine_has(cgroups: Cgroups) -> None:
    new = cgroups("0::/\n", {"memory.max": "max", "cpu.max": "max 100000"})
    assert (machine.memory(*new), machine.cores(*new)) == (64 * GIB, 16)

    old = {"memory/memory.limit_in_bytes": UNLIMITED, "cpu/cpu.cfs_quota_us": "-1"}
    both = cgroups("4:memory:/\n1:cpu,cpuacct:/\n0::/\n", {**old, "cpu/cpu.cfs_period_us": "100000"})
    assert (machine.memory(*both), machine.cores(*both)) == (64 * GIB, 16)


def test_a_container_that_sees_its_own_cgroup_as_the_root_has_its_limit(cgroups: Cgroups) -> None:
    limited = cgroups("0::/\n", {"memory.max": str(4 * GIB), "cpu.max": "250000 100000"})
    assert (machine.memory(*limited), machine.cores(*limited)) == (4 * GIB, 3)


def test_a_limit_of_a_cgroup_above_counts_where_it_is_the_smaller_one(cgroups: Cgroups) -> None:
    files = {"a/memory.max": str(3 * GIB), "a/b/memory.max": str(5 * GIB), "a/b/cpu.max": "max 100000"}
    limited = cgroups("0::/a/b\n", {**files, "a/cpu.max": "50000 100000"})
    assert (machine.memory(*limited), machine.cores(*limited)) == (3 * GIB, 1)


def test_limits_of_the_first_version_count_also_where_the_path_is_the_hosts(cgroups: Cgroups) -> None:
    cpu = {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}
    own = "9:memory:/docker/0a1b\n2:cpu,cpuacct:/docker/0a1b\n1:name=systemd:/docker/0a1b\n"
    limited = cgroups(own, {**cpu, "memory/memory.limit_in_bytes": str(2 * GIB)})
    assert (machine.memory(*limited), machine.cores(*limited)) == (2 * GIB, 2)


def test_a_limit_above_what_the_machine_has_changes_nothing(cgroups: Cgroups) -> None:
    generous = cgroups("0::/\n", {"memory.max": str(100 * GIB), "cpu.max": "9900000 100000"})
    assert (machine.memory(*generous), machine.cores(*generous)) == (64 * GIB, 16)


def test_a_system_without_cgroups_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = tmp_path / "cgroup", tmp_path / "own"
    assert (machine.memory(*nothing), machine.cores(*nothing)) == (64 * GIB, 16)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert machine.cores(*nothing) == 8


def test_here_there_is_some_of_both() -> None:
    assert 0 < machine.memory() <= 64 * GIB
    assert 0 < machine.cores() <= 16
