"""The rooms and who may import whom: docs/rooms.md, held."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_rooms_import_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")

    checked = subprocess.run(
        [lint, "--no-logo", "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_room_is_told_of() -> None:
    rooms = {path.parent.name for path in (ROOT / "src/windtunnel").glob("*/__init__.py")}

    told = re.findall(r"^\| `(\w+)/` \|", (ROOT / "docs/rooms.md").read_text(), re.MULTILINE)

    assert set(told) == rooms
