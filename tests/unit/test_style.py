"""How the code is written, held for all of it at once."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from jgo.constants import MAVEN_CENTRAL_URL
from pip._internal.models.index import PyPI

ROOT = Path(__file__).parents[2]
LONGEST_MODULE = 400
"""Lines. A longer one holds more than one concept."""


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]],
    ids=" ".join,
)
def test_linters_and_types_have_nothing_to_say(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])

    checked = subprocess.run([program, *command[1:]], cwd=ROOT, check=False, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_module_is_too_long() -> None:
    modules = [path for path in committed() if path.suffix == ".py"]
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in modules}

    assert len(modules) > 50
    assert not {path: length for path, length in lengths.items() if length > LONGEST_MODULE}


def test_no_file_names_the_host_of_a_registry_so_that_a_mirror_is_only_a_setting() -> None:
    hosts = [urlsplit(MAVEN_CENTRAL_URL).netloc, PyPI.netloc, PyPI.file_storage_domain]
    assert all(hosts)

    named = [
        (str(path.relative_to(ROOT)), host)
        for path in committed()
        for host in hosts
        if host.encode() in path.read_bytes()
    ]

    assert not named
