"""Part of the rule `requirements`: without a way to the internet, what is to be installed has to lie in plugins/."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.findings import Finding
from windtunnel.install.errors import InstallError
from windtunnel.install.uv import uv
from windtunnel.stack.airflow.install import install
from windtunnel.stack.airflow.requirements import FILE_NAME, MWAA_HOME, Requirements
from windtunnel.stack.airflow.versions import Version

PLUGINS = f"{MWAA_HOME}/plugins"
PLATFORM = "x86_64-manylinux_2_34"
"""Amazon Linux 2023's."""
PIP_PLATFORMS = (
    "manylinux2014_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_34_x86_64",
)
"""The same for pip, which has to be told of each older one."""
_WHERE_FROM = re.compile(r"^(?:--no-index|(?:--find-links|-f|--index-url|-i|--extra-index-url)[\s=].*)$")
_FOUND = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;]+)", re.MULTILINE)


def findings(subject: Subject, version: Version, asked: Sequence[tuple[int, str]]) -> Iterator[Finding]:
    """What MWAA could not install from plugins/ alone; `asked` are the lines of requirements.txt, by number."""
    yield from _of_lines(asked)
    wanted = [(line, text) for line, text in asked if not text.startswith("-")]
    if not wanted:
        return
    base = _base(subject)
    if isinstance(base, str):
        yield Finding(
            FILE_NAME,
            0,
            "requirements",
            f"The wheels in plugins/ were not looked at, since Airflow cannot be installed here: {base}",
            "Mend that, then check again.",
            "warning",
        )
        return
    with_all = subject.home / "private.txt"
    lines = [text.replace(MWAA_HOME, str(subject.folder)) for _, text in wanted]
    with_all.write_text("\n".join(lines) + "\n")
    constraints = Requirements(subject.folder).constraints(version)
    said = _not_installable(base, subject.folder, *constraints, "--requirements", str(with_all))
    if not said:
        return
    with subject.progress.task("Looking which wheels plugins/ lacks"):
        missing = _missing(base, subject.folder, constraints, with_all)
    yield _finding(missing, said, wanted, version)


def _of_lines(asked: Sequence[tuple[int, str]]) -> Iterator[Finding]:
    texts = [re.sub(r"[\s=]+", " ", text) for _, text in asked]
    lacking = [
        one for one in ("--no-index", f"--find-links {PLUGINS}") if one not in [t.rstrip("/") for t in texts]
    ]
    if lacking:
        yield Finding(
            FILE_NAME,
            asked[0][0],
            "requirements",
            "The environment has no way to the internet ([deploy] private), and pip asks a package index all the same.",
            f"Begin with the lines {' and '.join(lacking)}.",
        )


def _base(subject: Subject) -> Path | str:
    """The interpreter of what MWAA's image has and nothing more, or why there is none."""
    nothing = subject.home / "no-requirements"
    nothing.mkdir(exist_ok=True)
    number = subject.project.mwaa.airflow_version
    try:
        return install(
            project=nothing, cache=subject.settings.cache, progress=subject.progress, version=number
        )
    except InstallError as error:
        return str(error)


def _not_installable(base: Path, project: Path, *wanted: str) -> str:
    """uv's words when what is wanted cannot be added to the image from plugins/; "" when it can."""
    try:
        uv(
            *("pip", "install", "--dry-run", "--no-index", "--find-links", str(project / "plugins")),
            *("--only-binary", ":all:", "--python-platform", PLATFORM, "--python", str(base), *wanted),
            purpose=FILE_NAME,
        )
    except InstallError as error:
        return str(error)
    return ""


def _missing(base: Path, project: Path, constraints: Sequence[str], wanted: Path) -> list[str]:
    """The distributions, `name==version`, that have to be fetched; [] when no index answers."""
    try:
        resolved = uv(
            *("pip", "compile", "--only-binary", ":all:", "--python-platform", PLATFORM),
            *("--python", str(base), "--no-header", "--no-annotate"),
            *("--find-links", str(project / "plugins"), *constraints, str(wanted)),
            purpose=FILE_NAME,
        )
    except InstallError:
        return []
    needed = [found.group() for found in _FOUND.finditer(resolved)]
    return [one for one in needed if _not_installable(base, project, "--no-deps", one)]


def _finding(missing: list[str], said: str, wanted: Sequence[tuple[int, str]], version: Version) -> Finding:
    names = {normalized(one.partition("==")[0]) for one in missing}
    lines = [line for line, text in wanted if _name(text) in names]
    if not missing:
        why = f"It cannot be installed from plugins/ alone: {' '.join(said.split())}"
        mend = (
            "Check again where a package index can be reached: then the wheels that plugins/ lacks are told."
        )
    else:
        why = (
            f"The environment has no way to the internet, and plugins/ lacks wheels for MWAA (Python {version.python}, "
            f"Linux on x86_64) of {', '.join(missing)}."
        )
        platforms = [part for one in PIP_PLATFORMS for part in ("--platform", one)]
        command = ["pip", "download", "--no-deps", "--only-binary=:all:", "--python-version", version.python]
        mend = f"Fetch them: {shlex.join([*command, *platforms, '--dest', 'plugins', *missing])}"
    return Finding(FILE_NAME, lines[0] if lines else wanted[0][0], "requirements", why, mend)


def _name(text: str) -> str:
    found = re.match(r"[A-Za-z0-9][\w.-]*", text)
    return normalized(found.group()) if found else ""


def normalized(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
