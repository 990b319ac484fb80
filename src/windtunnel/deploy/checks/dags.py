"""Rules `dags`, `network` and `metadata`: each DAG is read by Amazon MWAA's Airflow, which asks nobody for anything."""

from collections.abc import Iterator
from pathlib import Path

from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.dags import ImportProblem, LoadedDags, Place
from windtunnel.deploy.findings import Finding, place_in
from windtunnel.deploy.infra import ENVIRONMENT

RULES = ("dags", "network", "metadata")


def findings(subject: Subject) -> Iterator[Finding]:
    """What keeps a file from being read on MWAA, or makes its reading costly there."""
    folder = subject.folder
    if not any(path.suffix in (".py", ".zip") for path in (folder / "dags").rglob("*")):
        yield Finding(
            "dags", 0, "dags", "There is no DAG: the environment would have nothing to run.", _PUT, "warning"
        )
        return
    loaded = subject.dags()
    if loaded is None:
        yield Finding(
            "dags",
            0,
            "dags",
            f"The DAGs were not read, since Airflow cannot be installed here: {_first(subject.airflow().problem)}",
            "Mend that, then check again.",
            "warning",
        )
        return
    if subject.infra is None and not subject.infra_problem:
        yield Finding(
            subject.project.file.name,
            0,
            "dags",
            f"There is no {ENVIRONMENT}, so the DAGs were read with the options of a laptop, not with AWS's.",
            f"Describe the MWAA environment in {ENVIRONMENT}, with its AirflowConfigurationOptions.",
            "warning",
        )
    yield from _of(loaded, folder)


_PUT = "Put the DAGs into dags/."


def _first(problem: str) -> str:
    return problem.partition("\n")[0]


def _of(loaded: LoadedDags, project: Path) -> Iterator[Finding]:
    def at(place: Place) -> tuple[str, int]:
        return place_in(project, place.file), place.line

    told = {one.place for one in loaded.touches}
    asked = {one.place: one.what for one in loaded.reads}
    for problem in loaded.problems:
        if problem.place not in told:
            yield _import_problem(problem, *at(problem.place), asked.get(problem.place))
    for touch in loaded.touches:
        yield Finding(
            *at(touch.place),
            "network",
            f"{touch.what} is called while the file is read: Airflow reads each file again and again, "
            "and every time somebody else's answer decides whether there is a DAG.",
            "Call it in a task, or have the value come as a configuration option of the environment.",
        )
    for read in loaded.reads:
        if read.place not in {problem.place for problem in loaded.problems}:
            yield Finding(
                *at(read.place),
                "metadata",
                f"{read.what} is asked of the metadata database each time the file is read; a new environment "
                "does not have it.",
                "Ask for it in a task or by a template ({{ var.value.… }}, {{ conn.… }}), or take an option.",
                "warning",
            )
    yield from _of_files(loaded, project)


def _import_problem(problem: ImportProblem, file: str, line: int, asked: str | None) -> Finding:
    if asked:
        return Finding(
            file,
            line,
            "metadata",
            f"The file cannot be read without {asked}, which a new environment does not have: {problem.words}",
            f"Make {asked} on MWAA before anything else, or ask for it in a task.",
            "warning",
        )
    if problem.words.startswith("Airflow itself"):
        mend = f"{problem.place.file.name} is found before a package of the same name: rename it."
    elif "DuplicatedIdException" in problem.words:
        mend = "Give each DAG an id of its own: on MWAA the file that is read last wins."
    elif "ModuleNotFoundError" in problem.words:
        mend = (
            "Name the distribution in requirements.txt; a module of the project goes into dags/ or plugins/."
        )
    elif "AirflowConfigException" in problem.words:
        mend = f"Give the option in AirflowConfigurationOptions of {ENVIRONMENT}, or read it with a fallback."
    else:
        mend = "Mend the line; `windtunnel check` reads it as MWAA does."
    return Finding(file, line, "dags", f"Airflow cannot read this file: {problem.words}", mend)


def _of_files(loaded: LoadedDags, project: Path) -> Iterator[Finding]:
    for file in loaded.skipped:
        yield Finding(
            place_in(project, file),
            0,
            "dags",
            'The file makes a DAG that MWAA never sees: Airflow skips files which have not both words, "airflow" and '
            '"dag".',
            "Write both, for instance in a comment: # an Airflow DAG",
            "warning",
        )
    for file in loaded.slow:
        yield Finding(
            place_in(project, file),
            0,
            "dags",
            f"Reading it took longer than the {loaded.limit:g} s after which Airflow gives a file up.",
            "Move what takes long into tasks, and imports of heavy packages into the functions that use them.",
            "warning",
        )
