"""The disk is full at the wrong moment: what ends is told truthfully, and all goes on when there is room."""

from pathlib import Path

import pytest

from tests.full_disk import DRILLS, can_mount, on_small_disk


@pytest.mark.parametrize("drill", DRILLS)
def test_a_full_disk_makes_no_lie_of(drill: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("this machine lets no user mount a small disk in a namespace of his own")
    ended = on_small_disk(drill, disk)
    assert ended.returncode == 0, ended.stderr
