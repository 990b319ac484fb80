"""The scan itself, and that it can't pass by saying nothing."""

import json
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import filter as matching
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pip_audit._service import OsvService

from supply.locks import ROOT, Pin, pins, python_locks
from supply.vulnerabilities import (
    VULNERABLE,
    Acceptance,
    Advisory,
    Finding,
    UnansweredError,
    acceptances,
    answering,
    judge,
    scan,
    services,
)

LOCKS = {"one/lock.txt": [Pin("bad", "1.0", "python_full_version < '2'"), Pin("good", "1.0")]}
KNOWN = {("bad", "1.0"): ["GHSA-1"], (VULNERABLE.name, VULNERABLE.version): ["GHSA-0"]}
FOUND = Finding("one/lock.txt", Pin("bad", "1.0"), Advisory(frozenset({"GHSA-1", "CVE-1"}), ("1.1",)))


@contextmanager
def osv(tmp_path: Path, known: dict[tuple[str, str], list[str]], status: int = 200) -> Iterator[OsvService]:
    """A service of OSV's kind on this machine that knows `known`."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            ids = known.get((asked["package"]["name"], asked["version"]), [])
            body = json.dumps({"vulns": [advisory(asked["package"], id_) for id_ in ids]} if ids else {})
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Nothing on the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield OsvService(tmp_path / "cache", 10, f"http://127.0.0.1:{server.server_port}/v1/query")
        server.shutdown()


def advisory(package: dict[str, str], id_: str) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]
    return {
        "id": id_,
        "aliases": [id_.replace("GHSA", "CVE")],
        "summary": "It is bad.",
        "affected": [{"package": package, "ranges": ranges}],
    }


@pytest.mark.timeout(300)
def test_no_lock_has_a_known_vulnerability_that_is_not_accepted_with_a_reason() -> None:
    try:
        service = answering(services())
        findings, unknown = scan({lock: pins(ROOT / lock) for lock in python_locks()}, service)
    except UnansweredError as error:
        pytest.skip(f"nothing was scanned, since no vulnerability service answers here: {error}")
    verdict = judge(findings, acceptances())
    for (lock, reason), count in Counter((one.lock, row.reason) for one, row in verdict.accepted).items():
        warnings.warn(f"{lock}: {count} known vulnerabilities are accepted: {reason}", stacklevel=1)
    for gone in verdict.gone:
        warnings.warn(f"supply/accepted.toml accepts what is not found any more: {gone}", stacklevel=1)

    assert not verdict.new, "\n".join(map(str, verdict.new))
    assert not unknown, f"{type(service).__name__} knows nothing of {unknown}"


def test_a_vulnerability_is_found_whatever_marker_its_pin_has(tmp_path: Path) -> None:
    with osv(tmp_path, KNOWN) as service:
        assert answering([service]) is service
        assert scan(LOCKS, service) == ([FOUND], [])


def test_a_finding_that_no_row_covers_is_new() -> None:
    others = [
        Acceptance("two/*", "another lock"),
        Acceptance("one/*", "another version", "bad 1.1", ("CVE-1",)),
        Acceptance("one/*", "another vulnerability", "bad 1.0", ("CVE-2",)),
    ]

    assert judge([FOUND], others).new == [FOUND]
    assert str(FOUND) == "one/lock.txt: bad 1.0: CVE-1 = GHSA-1, mended in 1.1"


@pytest.mark.parametrize(
    "row", [Acceptance("one/*.txt", "all of it"), Acceptance("one/*", "this", "bad 1.0", ("CVE-1",))]
)
def test_a_finding_is_accepted_with_its_lock_or_by_any_of_its_names(row: Acceptance) -> None:
    verdict = judge([FOUND], [row])

    assert (verdict.new, verdict.accepted, verdict.gone) == ([], [(FOUND, row)], [])


def test_what_is_accepted_and_no_longer_found_is_said() -> None:
    assert judge([], [Acceptance("*", "once", "bad 1.0", ("CVE-1", "CVE-2"))]).gone == [
        "bad 1.0: CVE-1",
        "bad 1.0: CVE-2",
    ]


def test_a_service_that_knows_nothing_is_not_taken_for_one_that_finds_nothing(tmp_path: Path) -> None:
    with osv(tmp_path, {}) as service, pytest.raises(UnansweredError, match="knows nothing against jinja2"):
        answering([service])


def test_a_service_that_does_not_answer_is_told_and_the_next_one_asked(tmp_path: Path) -> None:
    with osv(tmp_path, {}, status=503) as broken, osv(tmp_path, KNOWN) as service:
        assert answering([broken, service]) is service
        with pytest.raises(UnansweredError, match="OsvService gave no answer about bad"):
            scan(LOCKS, broken)
    with pytest.raises(UnansweredError, match="OsvService gave no answer"):
        answering([broken])


def test_every_acceptance_has_a_reason_and_a_lock_that_pins_it() -> None:
    locks = python_locks()

    for row in acceptances():
        covered = matching(locks, row.locks)
        assert covered, f"{row.locks} is no lock"
        assert len(row.reason.split()) > 4
        pinned = {f"{pin.name} {pin.version}" for lock in covered for pin in pins(ROOT / lock)}
        assert not row.pin or (row.pin in pinned and row.ids), f"{row.pin} is in none of {covered}"


def test_the_locks_of_our_own_choice_are_accepted_in_no_whole() -> None:
    whole = [row.locks for row in acceptances() if not row.pin]
    ours = ["locks/dev.txt", "locks/runtime.txt", "src/windtunnel/stack/environments/postgres/lock.txt"]

    assert set(ours) <= set(python_locks())
    assert not [(lock, row) for row in whole for lock in matching(ours, row)]
