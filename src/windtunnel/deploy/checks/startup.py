"""Rule `startup`: startup.sh, as Amazon MWAA sources it on each component."""

import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from windtunnel.deploy.checks.lines import lines_of
from windtunnel.deploy.checks.startup_runs import NOT_RUN, OF_OTHER_SYSTEMS, Ran
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.findings import Finding
from windtunnel.stack.airflow.configuration import is_essential, is_protected
from windtunnel.stack.airflow.startup import FILE_NAME, SECONDS

RULES = ("startup",)
_finding = partial(Finding, FILE_NAME, rule="startup")
_BASH_LINE = re.compile(rf"{re.escape(FILE_NAME)}: line (\d+): (.*)")
_ASSIGNED = re.compile(r"(?P<export>export\s+|declare\s+-x\s+)?(?P<name>[A-Z_][A-Z0-9_]*)=(?P<value>.*)")
_CALLED = r"(?:^|[;&|(]|\bsudo\s+(?:-\S+\s+)*|\b(?:then|do|else|if)\s)\s*"
_OTHER_SYSTEMS = re.compile(rf"{_CALLED}({'|'.join(map(re.escape, OF_OTHER_SYSTEMS))})\s")
_NOT_RUN = re.compile(rf"{_CALLED}({'|'.join(NOT_RUN)})\s")
_PACKAGERS = ("yum", "dnf", "rpm")
_NEEDS_ROOT = re.compile(r"(?:^|[;&|(]\s*)(yum|dnf)\s+(?:-\S+\s+)*install\b")

_PACKAGES = "Python packages belong into requirements.txt, which the check tries."
_NETWORK = "Make sure that the environment's network and role let it."


def findings(subject: Subject) -> Iterator[Finding]:
    """What MWAA would not do, or not take for what it looks like."""
    script = subject.folder / FILE_NAME
    if not script.is_file():
        return
    if b"\r\n" in script.read_bytes():
        yield _finding(
            line=next(
                n for n, line in enumerate(script.read_bytes().split(b"\n"), 1) if line.endswith(b"\r")
            ),
            why="Lines end in CR LF, as on Windows: bash takes the CR for a part of each command.",
            mend=f"Save it with LF alone: sed -i 's/\\r$//' {FILE_NAME}",
        )
        return
    if unreadable := _syntax(script):
        yield unreadable
        return
    yield from _of_lines(script, private=subject.project.deploy.private)
    yield from _of_runs(script, dict(subject.startup()))


def _syntax(script: Path) -> Finding | None:
    done = subprocess.run(
        ("bash", "-n", script.name),
        cwd=script.parent,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if not done.returncode:
        return None
    said = _BASH_LINE.search(done.stderr)
    line, words = (int(said[1]), said[2]) if said else (0, done.stderr.strip())
    return _finding(line=line, why=f"bash cannot read it: {words}", mend="Try it with bash -n startup.sh.")


def _of_lines(script: Path, *, private: bool) -> Iterator[Finding]:
    exported = _exported_names(script)
    for number, written in enumerate(lines_of(script), 1):
        line = "" if written.lstrip().startswith("#") else re.sub(r"\s#.*", "", written).strip()
        if found := _OTHER_SYSTEMS.search(line):
            yield _finding(
                line=number,
                why=f"MWAA's image is an Amazon Linux, which has no {found[1]}: the command is not found there.",
                mend="Install it by sudo dnf install -y …, with the names that packages have in Amazon Linux.",
            )
        if (found := _NOT_RUN.search(line)) and (private or found[1] not in _PACKAGERS):
            yield _finding(
                line=number,
                why=f"{found[1]} was not run by the check, which cannot tell whether it succeeds on MWAA.",
                mend=_PACKAGES if found[1].startswith("pip") else _NETWORK,
                level="note",
            )
        if found := _NEEDS_ROOT.search(line):
            yield _finding(
                line=number,
                why=f"MWAA runs startup.sh as the user airflow, who may not install by {found[1]}.",
                mend=f"Write sudo {found[1]} install -y ….",
            )
        yield from _of_assignment(number, line, exported)


def _of_assignment(number: int, line: str, exported: set[str]) -> Iterator[Finding]:
    assigned = _ASSIGNED.match(line)
    if not assigned:
        return
    name = assigned["name"]
    if is_protected(name) or is_essential(name):
        yield _finding(
            line=number,
            why=f"{name} is MWAA's own: it sets it after startup.sh, so this has no effect.",
            mend="Remove the line.",
            level="warning",
        )
    elif name.startswith("AIRFLOW") and name not in exported:
        yield _finding(
            line=number,
            why=f"{name} is not exported, so Airflow does not get it: only exported variables outlive startup.sh.",
            mend=f"Write export {name}=….",
            level="warning",
        )


def _exported_names(script: Path) -> set[str]:
    text = "\n".join(lines_of(script))
    if re.search(r"^\s*set\s+(-\w*a\w*|-o\s+allexport)", text, re.MULTILINE):
        return set(re.findall(r"\b([A-Z_][A-Z0-9_]*)=", text))
    names = re.findall(r"^\s*(?:export|declare\s+-x)\s+(.*)$", text, re.MULTILINE)
    return {name for line in names for name in re.findall(r"\b([A-Z_][A-Z0-9_]*)\b", line)}


def _of_runs(script: Path, runs: dict[str, Ran]) -> Iterator[Finding]:
    failed = {component: ran.problem for component, ran in runs.items() if ran.problem}
    for problem in dict.fromkeys(failed.values()):
        where = ", ".join(component for component, said in failed.items() if said == problem)
        what, _, printed = problem.partition(". Its output is in ")
        said = _BASH_LINE.findall(printed)
        code = re.search(r"exit code (\d+)", what)
        line = _exit_line(script, code[1]) if code else 0
        words = f": {said[-1][1] if said else _last_line(printed)}".rstrip(": ")
        yield _finding(
            line=line or (int(said[-1][0]) if said else 0),
            why=f"Sourced on the {where} (MWAA_AIRFLOW_COMPONENT), {what}{'' if line else words}.",
            mend=f"It has to end with 0 within {SECONDS} s, or MWAA does not start the environment.",
        )


def _last_line(printed: str) -> str:
    """What the script printed last, after the log's path; "" when it printed nothing."""
    lines = printed.strip().splitlines()[1:]
    return lines[-1].strip() if lines else ""


def _exit_line(script: Path, code: str) -> int:
    """The line of the only `exit` with this status, by which a script ended itself; 0 without one."""
    lines = [
        n for n, line in enumerate(lines_of(script), 1) if re.search(rf"\b(exit|return)\s+{code}\b", line)
    ]
    return lines[0] if len(lines) == 1 else 0
