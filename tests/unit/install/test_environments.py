import hashlib
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from tests.unit.install.recording import Recording
from windtunnel.install.environments import environment, python_of
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import SILENT

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock with one wheel, which lies beside it."""
    wheel = tmp_path / "breeze-1.0-py3-none-any.whl"
    metadata = "breeze-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as zipped:
        zipped.writestr("breeze.py", "speed = 7\n")
        zipped.writestr(f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: breeze\nVersion: 1.0\n")
        zipped.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        zipped.writestr(f"{metadata}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    path = tmp_path / "lock.txt"
    path.write_text(f"breeze @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    return path


def _speed(root: Path) -> str:
    command = (python_of(root), "-c", "import breeze; print(breeze.speed)")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_environment_holds_what_the_lock_says_with_its_bytecode(lock: Path, tmp_path: Path) -> None:
    root = environment("tunnel", python=MINOR, lock=lock, cache=tmp_path / "cache", progress=SILENT)
    assert _speed(root) == "7"
    assert list(root.glob("lib/python*/site-packages/__pycache__/breeze.*.pyc"))


def test_an_environment_is_made_once_and_another_lock_makes_another(lock: Path, tmp_path: Path) -> None:
    cache, progress = tmp_path / "cache", Recording()
    first = environment("tunnel", python=MINOR, lock=lock, cache=cache, progress=progress)
    again = environment("tunnel", python=MINOR, lock=lock, cache=cache, progress=progress)
    assert first == again
    assert len(progress.tasks) == 1
    lock.write_text(lock.read_text() + "# changed\n")
    assert environment("tunnel", python=MINOR, lock=lock, cache=cache, progress=progress) != first


def test_an_interrupted_build_is_made_again_from_nothing(lock: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def interrupted(root: Path, _: int) -> None:
        (root / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        environment("tunnel", python=MINOR, lock=lock, cache=cache, progress=SILENT, build=interrupted)
    root = environment("tunnel", python=MINOR, lock=lock, cache=cache, progress=SILENT)
    assert _speed(root) == "7"
    assert not (root / "half").exists()


def test_what_a_build_reads_counts_for_the_environment(lock: Path, tmp_path: Path) -> None:
    read = tmp_path / "requirements.txt"
    roots = set()

    def copy(root: Path, _: int) -> None:
        (root / "read").write_text(read.read_text())

    for content in ("one", "two"):
        read.write_text(content)
        root = environment(
            "tunnel",
            python=MINOR,
            lock=lock,
            cache=tmp_path / "cache",
            progress=SILENT,
            inputs=[read],
            build=copy,
        )
        assert (root / "read").read_text() == content
        roots.add(root)
    assert len(roots) == 2


def test_a_wheel_with_another_hash_is_refused_in_uvs_words(lock: Path, tmp_path: Path) -> None:
    lock.write_text(lock.read_text().split("sha256:")[0] + "sha256:" + "0" * 64 + "\n")
    with pytest.raises(InstallError, match=r"(?s)environment of tunnel: `uv pip` failed.*breeze.*try again"):
        environment("tunnel", python=MINOR, lock=lock, cache=tmp_path / "cache", progress=SILENT)


def test_two_set_ups_at_once_make_one_environment(lock: Path, tmp_path: Path) -> None:
    progress = Recording()

    def make() -> None:
        environment("tunnel", python=MINOR, lock=lock, cache=tmp_path / "cache", progress=progress)

    both = [threading.Thread(target=make) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(timeout=120)
    assert len(progress.tasks) == 1


def test_an_environment_whose_python_is_gone_is_made_again(lock: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    root = environment("tunnel", python=MINOR, lock=lock, cache=cache, progress=SILENT)
    python_of(root).unlink()
    python_of(root).symlink_to(tmp_path / "was upgraded")
    environment("tunnel", python=MINOR, lock=lock, cache=cache, progress=SILENT)
    assert _speed(root) == "7"
