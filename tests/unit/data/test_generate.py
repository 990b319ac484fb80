"""The generator of the salary data."""

import csv
import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import mean
from types import ModuleType

import pytest

from tests.scripts import GENERATE, module

NAMES = ("train_features.csv", "train_salaries.csv", "test_features.csv")
ROWS = 4000


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    return module(GENERATE)


@pytest.fixture(scope="module")
def data(generate: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assert generate.main(["--rows", str(ROWS), "--folder", str(folder)]) == 0
    return folder


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def contents(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in NAMES}


def states(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in NAMES if (folder / name).exists()}


def paid(data: Path) -> list[dict[str, str]]:
    """The features with the salary beside them."""
    salary = {row["jobId"]: row["salary"] for row in rows(data / "train_salaries.csv")}
    return [row | {"salary": salary[row["jobId"]]} for row in rows(data / "train_features.csv")]


def average(jobs: list[dict[str, str]], **features: str) -> float:
    return mean(int(job["salary"]) for job in jobs if features.items() <= job.items())


def test_the_files_are_the_same_on_every_machine_and_python(data: Path) -> None:
    made = [hashlib.sha256((data / name).read_bytes()).hexdigest()[:16] for name in NAMES]

    assert made == ["775696aecbc5fa77", "b549cdf3169005b9", "65d8b72a457a80d7"]


def test_same_rows_and_seed_make_the_same_files_and_another_seed_others(
    generate: ModuleType, data: Path, tmp_path: Path
) -> None:
    generate.main(["--rows", str(ROWS), "--folder", str(tmp_path / "again")])
    generate.main(["--rows", str(ROWS), "--folder", str(tmp_path / "other"), "--seed", "2"])

    made, again, other = contents(data), contents(tmp_path / "again"), contents(tmp_path / "other")
    assert again == made
    assert not [name for name in NAMES if other[name] == made[name]]


def test_every_column_has_the_values_that_it_should(data: Path) -> None:
    jobs = [*rows(data / "train_features.csv"), *rows(data / "test_features.csv")]
    values = {name: {job[name] for job in jobs} for name in jobs[0]}

    assert len(jobs) == 2 * ROWS == len(values["jobId"])
    assert values["companyId"] == {f"COMP{number}" for number in range(63)}
    assert values["jobType"] == {
        "CEO",
        "CFO",
        "CTO",
        "VICE_PRESIDENT",
        "MANAGER",
        "SENIOR",
        "JUNIOR",
        "JANITOR",
    }
    assert values["degree"] == {"NONE", "HIGH_SCHOOL", "BACHELORS", "MASTERS", "DOCTORAL"}
    assert values["major"] == {
        "NONE",
        "BIOLOGY",
        "BUSINESS",
        "CHEMISTRY",
        "COMPSCI",
        "ENGINEERING",
        "LITERATURE",
        "MATH",
        "PHYSICS",
    }
    assert values["industry"] == {"HEALTH", "WEB", "AUTO", "FINANCE", "EDUCATION", "OIL", "SERVICE"}
    assert values["yearsExperience"] == {str(years) for years in range(25)}
    assert values["milesFromMetropolis"] == {str(miles) for miles in range(100)}


def test_each_train_job_has_one_salary_in_whole_thousands(data: Path) -> None:
    salaries = rows(data / "train_salaries.csv")

    assert [row["jobId"] for row in salaries] == [row["jobId"] for row in rows(data / "train_features.csv")]
    assert all(10 < int(row["salary"]) < 300 for row in salaries)


def test_nobody_has_a_major_without_a_degree_nor_a_janitor_a_degree(data: Path) -> None:
    for job in rows(data / "train_features.csv"):
        assert (job["major"] == "NONE") == (job["degree"] in ("NONE", "HIGH_SCHOOL"))
        assert job["jobType"] != "JANITOR" or job["major"] == "NONE"


@pytest.mark.parametrize(
    ("feature", "from_best_to_worst"),
    [
        ("jobType", ["CEO", "VICE_PRESIDENT", "MANAGER", "SENIOR", "JUNIOR", "JANITOR"]),
        ("degree", ["DOCTORAL", "BACHELORS", "NONE"]),
        ("industry", ["OIL", "WEB", "AUTO", "EDUCATION"]),
        ("yearsExperience", ["24", "12", "0"]),
        ("milesFromMetropolis", ["0", "50", "99"]),
    ],
)
def test_salaries_follow_the_features(data: Path, feature: str, from_best_to_worst: list[str]) -> None:
    jobs = paid(data)
    averages = [average(jobs, **{feature: value}) for value in from_best_to_worst]

    assert all(better > worse for better, worse in pairwise(averages)), averages


def test_files_that_are_there_are_not_made_again(generate: ModuleType, data: Path) -> None:
    before = states(data)

    assert generate.main(["--rows", str(ROWS), "--folder", str(data)]) == 0

    assert states(data) == before


def test_another_number_of_rows_makes_other_files(generate: ModuleType, tmp_path: Path) -> None:
    generate.main(["--rows", "10", "--folder", str(tmp_path)])
    generate.main(["--rows", "20", "--folder", str(tmp_path)])

    assert [len(rows(tmp_path / name)) for name in NAMES] == [20, 20, 20]


def test_the_number_of_rows_comes_from_the_environment_when_it_is_not_given(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_ROWS", "12")

    generate.main(["--folder", str(tmp_path)])

    assert len(rows(tmp_path / "train_features.csv")) == 12


def test_the_users_own_files_stay(generate: ModuleType, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_text("mine")

    assert generate.main(["--rows", "10", "--folder", str(tmp_path)]) == 0

    assert set(contents(tmp_path).values()) == {"mine"}


def test_a_made_file_that_the_user_replaced_stays_and_so_do_the_others(
    generate: ModuleType, tmp_path: Path
) -> None:
    generate.main(["--rows", "10", "--folder", str(tmp_path)])
    (tmp_path / "train_salaries.csv").write_text("mine")
    before = states(tmp_path)

    assert generate.main(["--rows", "20", "--folder", str(tmp_path)]) == 0

    assert states(tmp_path) == before


def test_the_users_features_without_salaries_are_an_error_that_names_what_is_missing(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train_features.csv").write_text("mine")

    assert generate.main(["--folder", str(tmp_path)]) == 1

    assert "train_salaries.csv" in capsys.readouterr().err
    assert states(tmp_path).keys() == {"train_features.csv"}


@pytest.mark.parametrize("calls", range(1, 9))
def test_killed_at_any_moment_it_makes_them_all_the_next_time(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Whatever it does to the folder, it is stopped before: the n-th removal or renaming does not happen."""
    generate.main(["--rows", "10", "--folder", str(tmp_path)])
    left = iter(range(1, calls))

    def stopping(real: Callable[..., None]) -> Callable[..., None]:
        def step(*given: object, **named: object) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt
            real(*given, **named)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", stopping(Path.unlink))
        patched.setattr(Path, "replace", stopping(Path.replace))
        if calls < 8:
            with pytest.raises(KeyboardInterrupt):
                generate.main(["--rows", "20", "--folder", str(tmp_path)])
        else:
            generate.main(["--rows", "20", "--folder", str(tmp_path)])

    assert generate.main(["--rows", "20", "--folder", str(tmp_path)]) == 0
    assert [len(rows(tmp_path / name)) for name in NAMES] == [20, 20, 20]
