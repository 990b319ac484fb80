"""Rules `endpoint`, `local-name` and `credentials`: what in dags/, spark/ and plugins/ exists only on this machine."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from windtunnel.deploy.checks.lines import lines_of, readable_files
from windtunnel.deploy.checks.patterns import (
    CREDENTIALS,
    ENDPOINT,
    ENDPOINT_VARIABLE,
    KEY_VARIABLE,
    LOCAL_NAME,
    OWN_VARIABLE,
    SDKS_FIND_IT,
    Patterns,
    Said,
    distinctive,
)
from windtunnel.deploy.checks.python_code import of_code
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.findings import Finding, place_in
from windtunnel.stack.airflow.requirements import FILE_NAME as REQUIREMENTS
from windtunnel.stack.airflow.startup import FILE_NAME as STARTUP

RULES = (ENDPOINT, LOCAL_NAME, CREDENTIALS)
FOLDERS = ("dags", "spark", "plugins")
COMMENTS = {
    **dict.fromkeys((".sh", ".yaml", ".yml", ".conf", ".properties", ".cfg", ".ini", ".toml", ".txt"), "#"),
    ".sql": "--",
    ".hql": "--",
    ".json": "",
    ".scala": "//",
    ".java": "//",
}
"""Files that are read as text, and how a comment begins in them."""
_VALUE = re.compile(r"[:=]\s*[\"']?([^\s\"',:=]+)[\"']?,?\s*$")
_ASSIGNED = r"(?:^|\s|-e |\b(?:export|set)\s+){}\s*[=:]"


def files_of(project: Path) -> list[Path]:
    """Every file that goes to AWS and can be read."""
    inside = [one for folder in FOLDERS for one in readable_files(project / folder, (".py", *COMMENTS))]
    return [*inside, *(path for name in (STARTUP, REQUIREMENTS) if (path := project / name).is_file())]


def findings(subject: Subject) -> Iterator[Finding]:
    """What names this machine, an endpoint or keys."""
    patterns = _patterns(subject)
    for file in files_of(subject.folder):
        found = _of_python(file, patterns) if file.suffix == ".py" else _of_text(file, patterns)
        told = set()
        for line, said in found:
            if (line, said.rule) not in told:
                told.add((line, said.rule))
                yield Finding(
                    place_in(subject.folder, file), line, said.rule, said.why, said.mend, said.level
                )


def _patterns(subject: Subject) -> Patterns:
    settings, there = subject.settings, subject.options
    here = subject.project.mwaa.configuration_options
    names = {
        value: name
        for name, value in here.items()
        if subject.infra and there.get(name) != value and distinctive(value, there.values())
    }
    ports = (settings.localstack_port, settings.emr_port)  # Airflow's, 8080, is many another's too
    return Patterns(ports, names, str(subject.folder))


def _of_python(file: Path, patterns: Patterns) -> Iterator[tuple[int, Said]]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = error.lineno or 0 if isinstance(error, SyntaxError) else 0
        if file.parent.name == "spark" or "spark" in file.parts[-3:-1]:
            # Of dags/ and plugins/ Airflow itself says it.
            yield (
                line,
                Said(ENDPOINT, f"This is no Python, so nothing could be looked for: {error}.", "Mend it."),
            )
        return
    yield from sorted(of_code(tree, patterns), key=lambda one: (one[0], one[1].level))


def _of_text(file: Path, patterns: Patterns) -> Iterator[tuple[int, Said]]:
    comment = COMMENTS[file.suffix]
    for number, written in enumerate(lines_of(file), 1):
        line = re.sub(rf"(^|\s){re.escape(comment)}.*", "", written) if comment else written
        if not line.strip():
            continue
        yield from ((number, said) for said in patterns.in_text(line, whole=False))
        if value := _VALUE.search(line):
            yield from ((number, said) for said in patterns.in_text(value[1]))
        if found := re.search(_ASSIGNED.format(ENDPOINT_VARIABLE.pattern), line):
            why = (
                f"{found.group().strip().rstrip('=:').split()[-1]} leads the SDKs to another place than AWS."
            )
            yield number, Said(ENDPOINT, why, SDKS_FIND_IT)
        if re.search(_ASSIGNED.format(KEY_VARIABLE.pattern), line):
            yield number, Said(CREDENTIALS, "Keys are set: on AWS roles give them.", "Leave it out.")
        if found := re.search(rf"\$\{{?({OWN_VARIABLE.pattern})", line):
            why = f"{found[1]} is windtunnel's, and there is no windtunnel on AWS."
            yield number, Said(LOCAL_NAME, why, "Take an argument of the job.")
