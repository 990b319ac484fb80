import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply import sbom
from supply.locks import ROOT, jar_locks, jars, pins, python_locks

EMR = ["locks/runtime.txt", "src/windtunnel/hadoop/locks/spark-3.5.6.txt", *jar_locks()]


def written(folder: Path, *arguments: str) -> dict[str, Any]:
    """What the command writes, by the names of its files."""
    command = [sys.executable, "-m", "supply.sbom", *arguments]
    subprocess.run(command, cwd=ROOT, env={"SOURCE_DATE_EPOCH": "0", "PATH": "/usr/bin:/bin"}, check=True)
    return {path.name: json.loads(path.read_text()) for path in folder.iterdir()}


def test_every_lock_has_a_bill_of_all_that_it_pins(tmp_path: Path) -> None:
    bills = written(tmp_path, "-o", str(tmp_path))

    assert len(bills) == len(python_locks()) + len(jar_locks()) + len(sbom.IMAGES)
    for lock in python_locks():
        purls = {one["purl"] for one in bills[f"{sbom.lock_name(lock)}.cdx.json"]["components"]}
        assert purls == {f"pkg:pypi/{pin.name}@{pin.version}" for pin in pins(ROOT / lock)}


def test_a_bill_is_valid_by_the_schema_of_its_format() -> None:
    for locks in ([lock] for lock in python_locks() + jar_locks()):
        made = sbom.text(sbom.bill("one", locks))
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made) is None, locks


def test_the_bill_of_an_image_is_what_its_locks_bring_together(tmp_path: Path) -> None:
    (made,) = written(tmp_path, "-o", str(tmp_path / "emr.cdx.json"), *EMR).values()

    assert made["metadata"]["component"]["name"] == "windtunnel-emr"
    by_purl = {one["purl"]: one for one in made["components"]}
    assert "pkg:pypi/pyspark@3.5.6" in by_purl and "pkg:pypi/supervisor" in " ".join(by_purl)
    for jar in jars(ROOT / jar_locks()[0]):
        one = by_purl[f"pkg:maven/{jar.group}/{jar.artifact}@{jar.version}"]
        assert one["hashes"] == [{"alg": "SHA-256", "content": jar.sha256}]
        assert one["properties"] == [{"name": "windtunnel:lock", "value": jar_locks()[0]}]


def test_two_builds_of_one_commit_have_the_same_bill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

    first, second = (sbom.text(sbom.bill("emr", locks)) for locks in (EMR, EMR[::-1]))

    assert first == second
    assert "2023-11-14T22:13:20" in first


def test_locks_without_a_place_for_their_bill_are_refused() -> None:
    command = [sys.executable, "-m", "supply.sbom", "locks/runtime.txt"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert "--output" in ran.stderr


def test_an_image_has_a_bill_of_what_its_dockerfile_installs(tmp_path: Path) -> None:
    bills = written(tmp_path, "-o", str(tmp_path))
    parts = {name: {one["name"] for one in bills[f"{name}.cdx.json"]["components"]} for name in sbom.IMAGES}
    assert {"starlette", "uv"} < parts["image-emr"]
    assert {"apache-airflow", "uv"} < parts["image-airflow"] and "starlette" in parts["image-airflow"]
    assert "supervisor" in parts["image-emr"] - parts["image-airflow"]
    for name, locks in sbom.IMAGES.items():
        text = (ROOT / "docker" / name.removeprefix("image-") / "Dockerfile").read_text()
        assert all(Path(lock).name in text for lock in locks)
