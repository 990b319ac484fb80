from pathlib import Path

import pytest

from supply.locks import HASHED, ROOT, Pin, jar_locks, jars, pins, python_locks, tracked


def test_every_lock_that_a_set_up_installs_is_found() -> None:
    found = python_locks()

    texts = [name for name in tracked() if name.endswith(".txt")]
    assert found == [name for name in texts if HASHED in (ROOT / name).read_text()]
    assert {"src/windtunnel/stack/environments/localstack/lock.txt", "locks/dev.txt"} <= set(found)
    assert [name for name in found if "/airflow/versions/" in name]
    assert jar_locks() == ["src/windtunnel/hadoop/locks/hadoop-3.4.2.toml"]


def test_every_line_of_a_lock_pins_one_version_with_its_hashes() -> None:
    for lock in python_locks():
        lines = (ROOT / lock).read_text().splitlines()
        required = [line for line in lines if line and not line.startswith((" ", "#"))]

        assert len(pins(ROOT / lock)) == len(required) > 0, lock
        assert all(line.endswith("\\") for line in required), f"{lock}: what follows are its hashes"


def test_what_only_another_python_installs_is_in_a_lock_too(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "Some_Name==1.0 ; python_full_version < '2' \\\n    --hash=sha256:00\n    # via other\n"
        "other[extra]==2 --hash=sha256:11\n"
    )

    assert pins(lock) == [Pin("other", "2"), Pin("some-name", "1.0", 'python_full_version < "2"')]


@pytest.mark.parametrize("line", ["name>=1", "name", "name==1,<2"])
def test_a_line_without_one_version_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "lock.txt").write_text(line)

    with pytest.raises(ValueError, match="does not pin a version"):
        pins(tmp_path / "lock.txt")


def test_the_jars_are_known_by_their_coordinates() -> None:
    found = jars(ROOT / jar_locks()[0])

    client = next(jar for jar in found if jar.artifact == "hadoop-client-api")
    assert (client.group, client.version, len(client.sha256)) == ("org.apache.hadoop", "3.4.2", 64)
    assert len(found) > 50
