from pathlib import Path

import pytest

from tests.programs import program
from windtunnel.install import uv
from windtunnel.install.errors import InstallError


def test_what_does_not_end_in_its_time_is_killed_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits_for_ever = program(tmp_path / "uv", "exec tail -f /dev/null")
    monkeypatch.setattr(uv, "find_uv_bin", lambda: str(waits_for_ever))
    with pytest.raises(InstallError, match=r"Python 3\.9: `uv python` did not end in 0\.1 seconds"):
        uv.uv("python", "install", "3.9", purpose="Python 3.9", seconds=0.1)
