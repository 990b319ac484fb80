"""A copy of this repository's pipeline, with a stack of its own: free ports, its own state, few rows of data."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.ports import free_ports, free_range
from windtunnel.stack.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
PARTS = (
    *("dags", "spark", "localstack-init", "infra"),
    *("plugins", "requirements.txt", "startup.sh", "windtunnel.toml"),
)
DOCKERS = ("docker", "src", "locks")
"""What the images are made of besides."""
WEB_PORTS = 24
PORTS = ("localstack_port", "emr_port", "airflow_port")


def copy_project(folder: Path, rows: int) -> Path:
    """The pipeline's own files in `folder`, and generated data of so many rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in (*PARTS, *DOCKERS):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / part)
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data" / "generate.py", folder / "data")
    generate = [sys.executable, "data/generate.py", "--rows", str(rows)]
    subprocess.run(generate, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def own_web_ports() -> str:
    """A range that no other stack has now."""
    pages = free_range(WEB_PORTS)
    return f"{pages[0]}-{pages[-1]}"


def own_settings(project: Path, spare_minutes: int = 0, stack: str = "native", **others: Any) -> Settings:
    """Settings of a stack that shares nothing with another but the cache of downloads.

    No spare cluster, unless asked for: it would take its time from the test that comes next.
    """
    ports: dict[str, Any] = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    if stack == "docker":
        ports["emr_web_ports"] = own_web_ports()
    # Not the developer's own: WINDTUNNEL_STATE and its like may be set in the shell that runs the tests.
    for name in [*PORTS, "host", "stack", "allowed_hosts", "emr_web_ports"]:
        os.environ.pop(f"WINDTUNNEL_{name.upper()}", None)
    own = {"state": project / ".windtunnel", "stack": stack, "emr_spare_minutes": spare_minutes}
    return load_settings(project, **own, **ports, **others)
