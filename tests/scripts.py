"""The scripts of the project folder, which are no package: run and imported from where they are."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
GENERATE = ROOT / "data" / "generate.py"
UPLOAD = ROOT / "localstack-init" / "upload_project.py"
HOOK = ROOT / "localstack-init" / "ready.d" / "10_salary_pipeline.py"
SPARK_JOB = ROOT / "spark" / "average_salary.py"


def module(path: Path) -> ModuleType:
    """The script as a module of its own, read anew."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification
    assert specification.loader
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded
