"""Makes {train_features,train_salaries,test_features}.csv: the same for the same --rows and --seed, anywhere.

Salaries, in thousands a year, depend on the features as they do in life: on job, degree, major, industry and
experience, less on the company, and they fall with the distance from the metropolis; chance does the rest.

Files that this script did not make are yours and stay as they are. Its own stay when they are as asked for.
"""

import argparse
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

ROWS = 1_000_000
SEED = 1
ROWS_AT_ONCE = 50_000
FIRST_JOB = 1362684407687
MINIMUM_WAGE = 15

TRAIN_FEATURES, TRAIN_SALARIES, TEST_FEATURES = NAMES = (
    "train_features.csv",
    "train_salaries.csv",
    "test_features.csv",
)
NEEDED = (TRAIN_FEATURES, TRAIN_SALARIES)
STAMP, LOCK = ".generated.json", ".lock"
FEATURES_HEADER = "jobId,companyId,jobType,degree,major,industry,yearsExperience,milesFromMetropolis\n"
SALARIES_HEADER = "jobId,salary\n"

# What each value adds to a salary.
COMPANIES = {f"COMP{number}": number * 37 % 63 / 21 for number in range(63)}  # 0 to 3, in no order that shows
JOB_TYPES = {
    **{"CEO": 98, "CFO": 88, "CTO": 88, "VICE_PRESIDENT": 78},
    **{"MANAGER": 68, "SENIOR": 58, "JUNIOR": 48, "JANITOR": 30},
}
LOW_DEGREES = {"NONE": 0, "HIGH_SCHOOL": 4}
DEGREES = LOW_DEGREES | {"BACHELORS": 10, "MASTERS": 15, "DOCTORAL": 20}
NO_MAJOR = {"NONE": 0}
STUDIED = {
    **{"LITERATURE": 2, "BIOLOGY": 5, "CHEMISTRY": 6, "PHYSICS": 8},
    **{"COMPSCI": 9, "MATH": 10, "BUSINESS": 12, "ENGINEERING": 14},
}
MAJORS = NO_MAJOR | STUDIED
INDUSTRIES = {"EDUCATION": 0, "SERVICE": 4, "AUTO": 10, "HEALTH": 16, "WEB": 22, "FINANCE": 31, "OIL": 32}
YEARS, A_YEAR = tuple(range(25)), 2.0
MILES, A_MILE = tuple(range(100)), -0.4
LUCK = 30


class Row(NamedTuple):
    """A job: its line among the features, its line among the salaries."""

    features: str
    salary: str


def some_rows(random: Random, first_job: int, count: int) -> Iterator[Row]:
    """`count` rows, their jobs numbered from `first_job` on."""
    drawn = [
        random.choices(tuple(values), k=count)
        for values in (COMPANIES, JOB_TYPES, DEGREES, LOW_DEGREES, STUDIED, INDUSTRIES, YEARS, MILES)
    ]
    for job, row in enumerate(zip(*drawn, strict=True), first_job):
        company, job_type, degree, low_degree, major, industry, years, miles = row
        if job_type == "JANITOR":
            degree = low_degree
        if degree in LOW_DEGREES:
            major = "NONE"
        luck = LUCK * (random.random() + random.random() - 1)
        # Added by hand, since Python 3.12's sum() rounds otherwise than 3.11's.
        study = DEGREES[degree] + MAJORS[major]
        salary = COMPANIES[company] + JOB_TYPES[job_type] + study + INDUSTRIES[industry]
        salary += A_YEAR * years + A_MILE * miles + luck
        yield Row(
            f"JOB{job},{company},{job_type},{degree},{major},{industry},{years},{miles}\n",
            f"JOB{job},{max(MINIMUM_WAGE, int(salary))}\n",
        )


def chunks(part: str, first_job: int, rows: int, seed: int) -> Iterator[list[Row]]:
    """The rows of a part ("train" or "test"), some at a time; says how far it is."""
    random = Random(f"{part} {seed}")  # noqa: S311
    for done in range(0, rows, ROWS_AT_ONCE):
        yield list(some_rows(random, first_job + done, min(ROWS_AT_ONCE, rows - done)))
        so_far = min(done + ROWS_AT_ONCE, rows)
        if so_far * 4 // rows > done * 4 // rows:
            print(f"data: {so_far:,} of {rows:,} {part} rows", flush=True)


def write(folder: Path, rows: int, seed: int) -> None:
    """Writes the three files under other names."""
    with (
        part_of(folder / TRAIN_FEATURES).open("w") as features,
        part_of(folder / TRAIN_SALARIES).open("w") as salaries,
    ):
        features.write(FEATURES_HEADER)
        salaries.write(SALARIES_HEADER)
        for chunk in chunks("train", FIRST_JOB, rows, seed):
            features.writelines(row.features for row in chunk)
            salaries.writelines(row.salary for row in chunk)
    with part_of(folder / TEST_FEATURES).open("w") as features:
        features.write(FEATURES_HEADER)
        for chunk in chunks("test", FIRST_JOB + rows, rows, seed):
            features.writelines(row.features for row in chunk)


def part_of(path: Path) -> Path:
    return path.with_name(f".{path.name.lstrip('.')}.part")


def identity(path: Path) -> list[int]:
    """What changes when somebody else writes the file."""
    return [path.stat().st_size, path.stat().st_mtime_ns]


def generate(folder: Path, rows: int, seed: int) -> None:
    """Makes the files. Killed at any moment, it leaves none that is half written or looks like the user's."""
    write(folder, rows, seed)
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)
    files = {name: identity(part_of(folder / name)) for name in NAMES}
    stamp = folder / STAMP
    part_of(stamp).write_text(json.dumps({"rows": rows, "seed": seed, "files": files}))
    part_of(stamp).replace(stamp)
    for name in NAMES:
        part_of(folder / name).replace(folder / name)


def read_stamp(folder: Path) -> dict[str, Any]:
    """What `generate` made last: rows, seed, files; no files when it never did."""
    try:
        return dict(json.loads((folder / STAMP).read_text()))
    except (FileNotFoundError, ValueError):
        return {"files": {}}


def provide(folder: Path, rows: int, seed: int) -> None:
    """Makes the files unless they are there or the user's own; ValueError when one of those is missing."""
    stamp = read_stamp(folder)
    present = [name for name in NAMES if (folder / name).exists()]
    own = [name for name in present if stamp["files"].get(name) != identity(folder / name)]
    missing = [name for name in NEEDED if name not in present]
    if own and missing:
        raise ValueError(
            f"{' and '.join(own)} in {folder} was not made here, so nothing is made beside it: "
            f"put your {' and '.join(missing)} there too, or take it away"
        )
    if own:
        print(f"data: using your own {', '.join(own)}")
    elif len(present) == len(NAMES) and (stamp["rows"], stamp["seed"]) == (rows, seed):
        print(f"data: the {rows:,} rows are there")
    else:
        generate(folder, rows, seed)


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    rows = os.environ.get("SALARY_ROWS") or ROWS
    parser.add_argument(
        "--rows", type=int, default=rows, help=f"in each file (default: SALARY_ROWS, else {ROWS})"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help=f"other rows for another seed (default: {SEED})"
    )
    parser.add_argument(
        "--folder", type=Path, default=Path(__file__).parent, help="default: where this file is"
    )
    parsed = parser.parse_args(given)
    if parsed.rows < 1:
        parser.error(f"there must be at least one row, not {parsed.rows}")
    return parsed


def main(given: list[str] | None = None) -> int:
    asked = arguments(given)
    asked.folder.mkdir(parents=True, exist_ok=True)
    with (asked.folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            provide(asked.folder, asked.rows, asked.seed)
        except ValueError as error:
            print(f"data: {error}.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
