"""Which pins of the locks have a known vulnerability, and which of these are accepted, for what reason.

pip-audit asks the services that know; each is first asked about a version that is known to be vulnerable, since a
mirror of an index may answer politely without knowing anything.
"""

import tomllib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from packaging.version import Version
from pip_audit._service import OsvService, PyPIService
from pip_audit._service.interface import ResolvedDependency, ServiceError, VulnerabilityService

from requests import RequestException
from supply.locks import Pin

ACCEPTED = Path(__file__).with_name("accepted.toml")
VULNERABLE = Pin("jinja2", "2.4.1")
"""Old enough to be known by every service, in a handful of advisories."""
AT_ONCE = 8
TIMEOUT = 15
"""Seconds for one answer."""


class UnansweredError(Exception):
    """No service tells of vulnerabilities; the text says why, service by service."""


@dataclass(frozen=True)
class Advisory:
    """One known vulnerability of a version, under all its names, and the versions that mend it."""

    ids: frozenset[str]
    fixed: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{' = '.join(sorted(self.ids))}, mended in {', '.join(self.fixed) or 'no version'}"


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of what one lock pins."""

    lock: str
    pin: Pin
    advisory: Advisory

    def __str__(self) -> str:
        return f"{self.lock}: {self.pin.name} {self.pin.version}: {self.advisory}"


@dataclass(frozen=True)
class Acceptance:
    """Findings that are lived with: those of whole locks or, with `pin` and `ids`, single ones."""

    locks: str
    """As in a shell: `src/*/lock.txt`."""
    reason: str
    pin: str = ""
    ids: tuple[str, ...] = ()

    def covers(self, finding: Finding) -> bool:
        if not fnmatch(finding.lock, self.locks):
            return False
        name = f"{finding.pin.name} {finding.pin.version}"
        return not self.pin or (name == self.pin and not finding.advisory.ids.isdisjoint(self.ids))


@dataclass(frozen=True)
class Verdict:
    """What a scan found, against what is accepted."""

    new: list[Finding]
    accepted: list[tuple[Finding, Acceptance]]
    gone: list[str]
    """What is accepted one by one and does not occur any more."""


def acceptances(path: Path = ACCEPTED) -> list[Acceptance]:
    """What the file accepts, in its order."""
    tables = tomllib.loads(path.read_text())
    whole = [Acceptance(one["locks"], one["reason"]) for one in tables["lock"]]
    single = [
        Acceptance(one["locks"], one["reason"], one["pin"], tuple(one["ids"])) for one in tables["finding"]
    ]
    return whole + single


def services() -> list[VulnerabilityService]:
    """Those that pip-audit knows, the index itself first; answers are kept in pip-audit's own cache folder."""
    return [PyPIService(timeout=TIMEOUT), OsvService(timeout=TIMEOUT)]


def ask(service: VulnerabilityService, pin: Pin) -> list[Advisory] | None:
    """What is known against a version; None if the service does not know that version at all.

    Raises UnansweredError.
    """
    wanted = ResolvedDependency(pin.name, Version(pin.version))
    try:
        about, known = service.query(wanted)
    except (ServiceError, RequestException, ValueError) as error:
        cause = type(error.__cause__ or error).__name__  # its text may be a page long
        who = type(service).__name__
        raise UnansweredError(f"{who} gave no answer about {pin.name} {pin.version} ({cause})") from error
    if about.is_skipped():
        return None
    return [Advisory(frozenset({one.id, *one.aliases}), tuple(map(str, one.fix_versions))) for one in known]


def answering(candidates: Iterable[VulnerabilityService]) -> VulnerabilityService:
    """The first service that knows the vulnerable version as such. Raises UnansweredError."""
    reasons = []
    for service in candidates:
        try:
            if ask(service, VULNERABLE):
                return service
        except UnansweredError as error:
            reasons.append(str(error))
        else:
            about = f"{VULNERABLE.name} {VULNERABLE.version}"
            reasons.append(f"{type(service).__name__} knows nothing against {about}, which is vulnerable")
    raise UnansweredError("; ".join(reasons))


def scan(locks: Mapping[str, list[Pin]], service: VulnerabilityService) -> tuple[list[Finding], list[Pin]]:
    """Every finding in every lock, and the versions that the service does not know. Raises UnansweredError.

    Markers are left aside: what only another Python or system installs is scanned too.
    """
    wanted = sorted({Pin(pin.name, pin.version) for lock in locks.values() for pin in lock})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(wanted, pool.map(lambda pin: ask(service, pin), wanted), strict=True))
    findings = [
        Finding(lock, pin, advisory)
        for lock, pinned in locks.items()
        for pin in sorted({Pin(one.name, one.version) for one in pinned})
        for advisory in answers[pin] or ()
    ]
    return findings, [pin for pin, known in answers.items() if known is None]


def judge(findings: Iterable[Finding], accepted: Iterable[Acceptance]) -> Verdict:
    """Which findings are new, which are accepted and why, and which acceptances nothing needs any more."""
    rows = list(accepted)
    verdict = Verdict([], [], [])
    met: set[tuple[str, str]] = set()
    for finding in findings:
        covering = next((one for one in rows if one.covers(finding)), None)
        if covering is None:
            verdict.new.append(finding)
        else:
            verdict.accepted.append((finding, covering))
            met |= {(covering.pin, id_) for id_ in finding.advisory.ids}
    verdict.gone.extend(f"{one.pin}: {id_}" for one in rows for id_ in one.ids if (one.pin, id_) not in met)
    return verdict
