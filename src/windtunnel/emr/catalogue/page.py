"""The table of `docs/releases.md`, made from the catalogue: run this module in the repository to write it."""

import re
from pathlib import Path

from windtunnel.emr.catalogue.releases import find_release, runnable_labels
from windtunnel.hadoop.jars import HADOOP_VERSION

PAGE = "docs/releases.md"
TABLE = re.compile(r"^\| label \|.*\n(?:\|.*\n)*", re.MULTILINE)
_HEAD = "| label | Spark | Hadoop | Java | Python |\n| --- | --- | --- | --- | --- |\n"


def with_table(text: str) -> str:
    """The page with the table as it must be."""
    return TABLE.sub(lambda _: _HEAD + "".join(map(_row, runnable_labels())), text)


def _row(label: str) -> str:
    release = find_release(label)
    assert release is not None  # noqa: S101 - it is runnable
    here = release.versions
    cells = (
        label,
        release.spark,
        _cell(release.hadoop or "none", HADOOP_VERSION),
        _cell(str(release.java), str(here.java)),
        _cell(release.python, here.python),
    )
    return f"| {' | '.join(cells)} |\n"


def _cell(there: str, here: str) -> str:
    return here if there == here else f"{there} → {here}"


if __name__ == "__main__":
    Path(PAGE).write_text(with_table(Path(PAGE).read_text()))
