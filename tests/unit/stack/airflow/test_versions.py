"""The pins that the package carries, held against each other."""

import re
from pathlib import Path

from windtunnel.stack.airflow.versions import DEFAULT, version_of


def pins(file: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", file.read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): number for name, number in found}


def test_the_lock_holds_what_mwaas_constraints_pin() -> None:
    version = version_of(DEFAULT)
    locked = pins(version.lock)
    for file in (version.essential, version.constraints):
        asked = pins(file)
        differing = {n: (locked[n], asked[n]) for n in locked.keys() & asked.keys() if locked[n] != asked[n]}
        assert not differing, file.name

    assert locked["apache-airflow"] == DEFAULT
    assert "apache-airflow-providers-amazon" in locked


def test_every_package_of_the_lock_has_its_hash() -> None:
    text = version_of(DEFAULT).lock.read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())

    assert len(entries) > 150
    assert all("--hash=sha256:" in entry for entry in entries)
