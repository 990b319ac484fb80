"""No secret is in the repository, and one that came in would be found."""

import subprocess
from pathlib import Path

import pytest

from supply.locks import ROOT, tracked
from supply.secret_scan import Suspect, allowances, suspects

# In two parts, so that this file is none of those that are found.
PLANTED = {
    "key.py": "aws_secret_access_key = '" + "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYzEXAMPLEKEY'\n",
    "id.env": "AWS_ACCESS_KEY_ID=" + "AKIA" + "IOSFODNN7ABCDEFG\n",
    "id_rsa": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n",
    "url.yaml": "database: postgresql://airflow:" + "hunter2hunter2@db.internal/airflow\n",
    "token.txt": "ghp_" + "aB3" * 12 + "\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def refused(root: Path) -> list[Suspect]:
    return unexplained(suspects(root, tracked(root)))


def unexplained(found: list[Suspect]) -> list[Suspect]:
    return [one for one in found if not any(row.covers(one) for row in allowances())]


def test_no_tracked_file_holds_what_looks_like_a_secret_and_is_not_allowed_with_a_reason() -> None:
    found = suspects(ROOT, tracked())
    unused = [row for row in allowances() if not any(row.covers(one) for one in found)]

    assert not unexplained(found), "\n".join(map(str, unexplained(found)))
    assert not unused, "nothing needs these any more"


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_found_and_its_value_is_not_shown(repository: Path, name: str) -> None:
    (repository / name).write_text(f"first = 'line'\n{PLANTED[name]}")
    subprocess.run(["git", "add", name], cwd=repository, check=True)

    (found, *_) = refused(repository)

    assert str(found).startswith(f"{name}:2: ")
    assert found.value not in str(found)


def test_a_comment_in_the_file_allows_nothing(repository: Path) -> None:
    (repository / "key.py").write_text(PLANTED["key.py"].rstrip() + "  # pragma: allowlist secret\n")
    subprocess.run(["git", "add", "key.py"], cwd=repository, check=True)

    assert refused(repository)


def test_the_digests_of_a_lock_are_no_secrets(repository: Path) -> None:
    (repository / "lock.txt").write_text(f"one==1 \\\n    --hash=sha256:{'0f1e2d3c' * 8}\n")
    subprocess.run(["git", "add", "lock.txt"], cwd=repository, check=True)

    assert not refused(repository)


def test_every_allowance_has_a_reason() -> None:
    assert all(len(row.reason.split()) > 2 for row in allowances())
