"""`make bench`: brings up a stack of its own, measures, prints one table, and takes the stack down.

python -m bench [--rows 1000000] [--repeat 3]
"""

import argparse
import tempfile
from pathlib import Path

from bench import cluster, requests, stack, store
from bench.report import Report


def main() -> None:
    parser = argparse.ArgumentParser(prog="windtunnel bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the pipeline's data")
    parser.add_argument("--repeat", type=int, default=3, help="how often each of two sides is measured")
    arguments = parser.parse_args()

    report = Report()
    with (
        tempfile.TemporaryDirectory(prefix="windtunnel-bench-") as folder,
        stack.running(Path(folder) / "project", arguments.rows, report) as settings,
    ):
        stack.measure(settings, report)
        cluster.measure(settings, arguments.repeat, report)
        requests.measure(settings, arguments.repeat, report)
    store.measure(arguments.repeat, report)
    report.show()


if __name__ == "__main__":
    main()
