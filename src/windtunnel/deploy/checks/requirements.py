"""Rule `requirements`: requirements.txt, as Amazon MWAA installs it."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from windtunnel.deploy.checks import wheels
from windtunnel.deploy.checks.lines import lines_of
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.findings import Finding
from windtunnel.stack.airflow.requirements import FILE_NAME, MWAA_HOME, asked
from windtunnel.stack.airflow.versions import Version, version_of
from windtunnel.stack.errors import StackError

RULES = ("requirements",)
_CONSTRAINT = re.compile(r"^(?:-c|--constraint)[\s=]+['\"]?(?P<file>[^\s'\"]+)")
_INCLUDED = re.compile(r"^(?:-r|--requirement)[\s=]+['\"]?(?P<file>[^\s'\"]+)")
_EDITABLE = re.compile(r"^(?:-e|--editable)\b")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*(?P<version>[^\s;,#]+)")
_URL = re.compile(r"/constraints-(?P<airflow>\d[\w.]*)/constraints(?:-\w+)*?-(?P<python>\d+\.\d+)\.txt")
_LOCAL = re.compile(r"^(?:\.{1,2}/|/|~/|file:)|\.(?:whl|tar\.gz|zip)$|\s@\s+file:")


def findings(subject: Subject) -> Iterator[Finding]:
    """Lines that mean something else on MWAA, what cannot be installed, and wheels that are missing."""
    file = subject.folder / FILE_NAME
    wanted = list(_asked(file))
    if not wanted:
        return
    try:
        version = version_of(subject.project.mwaa.airflow_version)
    except StackError:
        return  # without its pins nothing can be said; that the DAGs cannot be read, `dags` says
    told = set()
    for line, text in wanted:
        for finding in _of_line(line, text, version, subject.folder):
            told.add(line)
            yield finding
    missing = list(wheels.findings(subject, version, wanted)) if subject.project.deploy.private else []
    yield from missing
    # What has been told may be all that keeps it from being installed.
    if not missing and not told and FILE_NAME in (problem := subject.airflow().problem):
        yield from _not_installable(problem, subject.folder)


def _asked(file: Path) -> Iterator[tuple[int, str]]:
    return asked("\n".join(lines_of(file)))


def _of_line(line: int, text: str, version: Version, project: Path) -> Iterator[Finding]:
    def finding(why: str, mend: str) -> Finding:
        return Finding(FILE_NAME, line, "requirements", why, mend)

    if _EDITABLE.match(text):
        mend = f"Put a wheel into plugins/ and name it: {MWAA_HOME}/plugins/<name>.whl"
        yield finding("MWAA has no sources to install from: an editable requirement cannot be there.", mend)
    elif constraint := _CONSTRAINT.match(text):
        yield from (finding(*said) for said in _of_constraints(constraint["file"], version, project))
    elif included := _INCLUDED.match(text):
        yield from (finding(*said) for said in _of_place(included["file"], project))
    elif not text.startswith("-") and _LOCAL.search(text):
        place = text.rpartition("@")[2].strip().removeprefix("file://")
        yield from (finding(*said) for said in _of_place(place, project))
    elif pin := _PIN.match(text):
        essential = essential_pins(version).get(wheels.normalized(pin["name"]))
        if essential and not _same_release(pin["version"], essential):
            why = (
                f"MWAA has {pin['name']} {essential} whatever is asked for: {pin['version']} never installs."
            )
            yield finding(why, f"Write {pin['name']}=={essential}, or leave the line out.")


def _of_place(place: str, project: Path) -> Iterator[tuple[str, str]]:
    if re.match(r"https?://", place):
        return
    inner = place.removeprefix(f"{MWAA_HOME}/")
    if inner == place or not inner.startswith(("dags/", "plugins/")):
        why = f"{place} is not on MWAA: of the project it has {MWAA_HOME}/dags and {MWAA_HOME}/plugins."
        yield why, f"Put the file into dags/ or plugins/ and name it as {MWAA_HOME}/plugins/<file>."
    elif not (project / inner).exists():
        yield (
            f"The project has no {inner}, which is {place} on MWAA.",
            f"Put it at {inner}, or mend the name.",
        )


def _of_constraints(place: str, version: Version, project: Path) -> Iterator[tuple[str, str]]:
    mend = (
        f"Take those of Airflow {version.number} and Python {version.python}, or leave the line out: MWAA then applies "
        "them itself."
    )
    if found := _URL.search(place):
        if (found["airflow"], found["python"]) != (version.number, version.python):
            yield (
                f"These are the constraints of Airflow {found['airflow']} on Python {found['python']}; the environment "
                f"has Airflow {version.number} on Python {version.python}.",
                mend,
            )
        return
    wrong = list(_of_place(place, project))
    yield from wrong
    file = project / place.removeprefix(f"{MWAA_HOME}/")
    if not wrong and file.is_file():
        pins = dict(_pins(file))
        airflow = pins.get("apache-airflow") or pins.get("apache-airflow-core")
        if airflow and not _same_release(airflow, version.number):
            yield (
                f"These are the constraints of Airflow {airflow}; the environment has {version.number}.",
                mend,
            )


def _not_installable(problem: str, project: Path) -> Iterator[Finding]:
    """By the sentence of the installation, which names the lines that it knows to be at fault."""
    words = problem.replace(f"{project}/", "")
    head, _, said = words.partition("\n")
    lines = [int(number) for number in re.findall(r"line (\d+) \(", head)]
    because = " ".join(said.split())
    why = f"This cannot be installed into the environment, where MWAA only logs that and starts without it: {because}"
    mend = (
        "Take versions that go with MWAA's own packages; without a version, Airflow's constraints choose one."
    )
    for line in lines or [0]:
        yield Finding(FILE_NAME, line, "requirements", why, mend)


@cache
def essential_pins(version: Version) -> dict[str, str]:
    """The versions that no requirements.txt moves, by normalized name."""
    return dict(_pins(version.essential))


def _pins(file: Path) -> Iterator[tuple[str, str]]:
    for _, text in _asked(file):
        if pin := _PIN.match(text):
            yield wheels.normalized(pin["name"]), pin["version"]


def _same_release(one: str, other: str) -> bool:
    """Whether two pins are the same; `5.5.*` holds every 5.5."""
    return one == other or (one.endswith(".*") and f"{other}.".startswith(one[:-1]))
