"""`docs/emr-behaviour.md`, made from the tests that hold it: run this module in the repository to write it."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import pytest

ROOT = Path(__file__).parents[1]
PAGE = "docs/emr-behaviour.md"
FOLDERS = ("tests/unit", "tests/integration")
TITLES = {
    "create": "Creating a cluster",
    "life": "The life of a cluster",
    "clusters": "Describing and listing clusters",
    "job flows": "DescribeJobFlows",
    "steps": "Steps",
    "failures": "Failures and logs",
    "instances": "Instance groups and instances",
    "scaling": "Resizing, fleets and scaling policies",
    "bootstrap": "Bootstrap actions",
    "configurations": "Configurations",
    "policies": "Protection and policies of a cluster",
    "tags": "Tags",
    "releases": "Releases and instance types",
    "account": "Security configurations and public access",
    "wire": "Requests and errors",
    "boto3": "boto3",
    "cli": "The AWS CLI",
    "airflow": "Airflow",
    "terraform": "Terraform",
}
Area = Literal[
    "create", "life", "clusters", "job flows", "steps", "failures", "instances", "scaling", "bootstrap",
    "configurations", "policies", "tags", "releases", "account", "wire", "boto3", "cli", "airflow", "terraform",
]  # fmt: skip
Known = Literal["documented", "observed", "believed"]

_HEAD = """# How Amazon EMR behaves, here too

Each row is a behaviour of Amazon EMR, or of a client that people use with it, and the test that holds it here. It is
known because AWS's documentation, API model or clients say so (*documented*), because somebody has seen it on the real
service (*observed*), or it is what we take to be so (*believed*). Where windtunnel departs on purpose, the row says
"here". The page is made from the tests by `python -m tests.behaviours`; a test holds it equal to them.
"""


def behaviour(area: Area, sentence: str, known: Known = "documented") -> pytest.MarkDecorator:
    """Marks a test, or one of its parameters, as what holds this behaviour."""
    return pytest.mark.behaviour(area, sentence, known)


class Collector:
    """A plugin of pytest: the behaviours of the tests that it collects, each with the tests that hold it."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], dict[str, None]] = {}

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Asked by pytest."""
        for item in items:
            file = item.path.relative_to(ROOT).as_posix()
            link = f"[{item.name.partition('[')[0]}](../{file})"
            for mark in item.iter_markers("behaviour"):
                self.rows.setdefault(mark.args, {})[link] = None


Rows = Mapping[tuple[str, str, str], Iterable[str]]


def collect() -> Rows:
    """(area, sentence, known) -> links to the tests. Raises RuntimeError where pytest can't collect."""
    collector = Collector()
    quiet = [
        "--collect-only",
        "-p",
        "no:terminal",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib",
    ]
    folders = (str(ROOT / one) for one in FOLDERS)
    with pytest.MonkeyPatch.context() as shell:
        shell.delenv("PYTEST_ADDOPTS", raising=False)  # may want the terminal, which is not there
        code = pytest.main([*quiet, "--rootdir", str(ROOT), *folders], [collector])
    if code:
        raise RuntimeError("pytest could not collect the tests")
    return collector.rows


def page(rows: Rows) -> str:
    """The whole page."""
    lines = [_HEAD]
    for area in get_args(Area):
        held = [(sentence, known, tests) for (of, sentence, known), tests in rows.items() if of == area]
        if held:
            lines += [f"## {TITLES[area]}", "", "| behaviour | known | held by |", "| --- | --- | --- |"]
            lines += [
                f"| {sentence.replace('|', '&#124;')} | {known} | {'<br>'.join(tests)} |"
                for sentence, known, tests in held
            ]
            lines.append("")
    lines.append(f"{len(rows)} behaviours.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = page(collect())
    (ROOT / PAGE).write_text(text)
    sys.stdout.write(f"{PAGE}: {text.splitlines()[-1]}\n")
