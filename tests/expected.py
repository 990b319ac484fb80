"""The pipeline's result, computed without Spark: what every test of it compares with."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

FEATURES = ("companyId", "jobType", "degree", "major", "industry")

Averages = list[tuple[str, Decimal]]
"""The values of a feature with their average salaries, the highest first, equal ones by name."""


def average_salaries(features: Path, salaries: Path) -> dict[str, Averages]:
    """By feature; the averages have four places, rounded half up."""
    with salaries.open(newline="") as file:
        salary_of = {row["jobId"]: int(row["salary"]) for row in csv.DictReader(file)}
    paid: Mapping[str, dict[str, list[int]]] = {name: defaultdict(list) for name in FEATURES}
    with features.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["jobId"] in salary_of:
                for name in FEATURES:
                    paid[name][row[name]].append(salary_of[row["jobId"]])
    return {name: _ranked((value, _average(of)) for value, of in paid[name].items()) for name in FEATURES}


def read_averages(file: Path, feature: str) -> Averages:
    """What the job wrote for a feature, in its order; asserts the header."""
    with file.open(newline="") as lines:
        header, *rows = csv.reader(lines)
    assert header == [feature, "average_salary"]
    return [(value, Decimal(average)) for value, average in rows]


def _average(salaries: list[int]) -> Decimal:
    return (Decimal(sum(salaries)) / len(salaries)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _ranked(averages: Iterable[tuple[str, Decimal]]) -> Averages:
    return sorted(averages, key=lambda one: (-one[1], one[0]))
