import multiprocessing
import multiprocessing.synchronize
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until
from windtunnel.install.files import locked, write_atomically


def test_a_written_file_has_its_content_and_mode_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_atomically(path, "first")
    write_atomically(path, b"second", mode=0o600)
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def _hold(path: Path, held: multiprocessing.synchronize.Event) -> None:
    with locked(path):
        held.set()
        held.wait()
        multiprocessing.Event().wait()


def test_the_lock_of_a_killed_process_is_free_and_waiting_for_it_is_told(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "lock", held))
    holder.start()
    assert held.wait(30)
    told: list[str] = []

    def waiting() -> None:
        told.append("waiting")
        holder.kill()

    with locked(tmp_path / "lock", waiting=waiting):
        assert told == ["waiting"]
    holder.join(30)
    with locked(tmp_path / "lock", waiting=waiting):
        assert told == ["waiting"]


def _hold_in_a_child(path: Path, ended: Path) -> None:
    with locked(path) as lock:
        subprocess.run(
            (sys.executable, "-c", f"import time; time.sleep(1); open({str(ended)!r}, 'w')"),
            pass_fds=(lock,),
            check=True,
        )


def test_a_lock_is_held_until_the_child_that_works_under_it_has_ended(tmp_path: Path) -> None:
    path, ended = tmp_path / "lock", tmp_path / "ended"
    holder = multiprocessing.get_context("fork").Process(target=_hold_in_a_child, args=(path, ended))
    holder.start()
    wait_until(psutil.Process(holder.pid).children, 30, "the child runs")
    holder.kill()
    holder.join(30)
    with locked(path):
        assert ended.exists()
