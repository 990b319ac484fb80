"""`docs/emr-coverage.md`, made from the tables of operations: run this module in the repository to write it."""

from pathlib import Path

from windtunnel.emr.operations import KEEPING, OPERATIONS
from windtunnel.emr.operations.refusals import REFUSED

PAGE = "docs/emr-coverage.md"
REFERENCE = "https://docs.aws.amazon.com/emr/latest/APIReference/API_{}.html"

_HEAD = """# Amazon EMR's operations

Every operation of botocore's model of Amazon EMR, and what becomes of it here. *executes*: what is asked for happens,
or the answer tells what is. *keeps state*: kept, validated and shown again; nothing that runs depends on it. *refused*:
answered with InvalidRequestException and the reason. This page is made from the tables in
`src/windtunnel/emr/operations/` by `python -m windtunnel.emr.coverage`; a test holds it equal to them and to the model.

| operation | here | |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    rows = (
        f"| [{name}]({REFERENCE.format(name)}) | {_here(name)} |" for name in sorted({*OPERATIONS, *REFUSED})
    )
    return _HEAD + "\n".join(rows) + "\n"


def _here(name: str) -> str:
    if name in REFUSED:
        return f"refused | {REFUSED[name]}"
    return "keeps state | " if name in KEEPING else "executes | "


if __name__ == "__main__":
    Path(PAGE).write_text(page())
