"""What there is of memory and cores: the machine's, or less where a container or a cgroup of its own has less."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def memory(cgroups: Path = CGROUPS, own: Path = OWN) -> int:
    """The bytes that all processes here may have together: the least of the machine's and the cgroups' limits."""
    limits = [psutil.virtual_memory().total]
    for folder in _folders("memory", cgroups, own):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limits += _numbers(folder / name)[:1]  # without a limit: "max", or more than any machine has
    return min(limits)


def cores(cgroups: Path = CGROUPS, own: Path = OWN) -> int:
    """The cores that this process may use; a part of one counts as one, as Java has it."""
    limits = [float(_schedulable())]
    for folder in _folders("cpu", cgroups, own):
        share = _numbers(folder / "cpu.max")
        share = share or [*_numbers(folder / "cpu.cfs_quota_us"), *_numbers(folder / "cpu.cfs_period_us")]
        # Without a limit version 2 says "max", which leaves the period alone, and version 1 -1.
        limits += [share[0] / share[1]] if len(share) == 2 and share[0] > 0 else []
    return max(1, math.ceil(min(limits)))


def _schedulable() -> int:
    """os.process_cpu_count, which Python has from 3.13 on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _folders(controller: str, cgroups: Path, own: Path) -> Iterator[Path]:
    """The folders of this process's cgroup and of those above it, of version 2 and of 1.

    A container often sees its own cgroup as the root, whatever path it is told: a folder that is not there
    is passed over.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # `cpu` is a link to where version 1 has `cpu,cpuacct`.
        root = cgroups / controller if controllers else cgroups
        below = Path(path.lstrip("/"))
        yield from (root / part for part in (below, *below.parents))


def _numbers(file: Path) -> list[int]:
    try:
        return [int(word) for word in file.read_text().split() if word.lstrip("-").isdigit()]
    except OSError:
        return []
