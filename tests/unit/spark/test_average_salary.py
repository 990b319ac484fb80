"""The Spark job on a local session of the release's own Spark and Python."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.expected import FEATURES, average_salaries, read_averages
from tests.scripts import GENERATE, SPARK_JOB, module
from windtunnel.hadoop.distribution import Distribution, Versions, install
from windtunnel.install.progress import terminal_progress

CASES = Path(__file__).with_name("cases.py")
FEATURES_HEADER = "jobId,companyId,jobType,degree,major,industry,yearsExperience,milesFromMetropolis"
SALARIES_HEADER = "jobId,salary"


@pytest.fixture(scope="module")
def spark(cache: Path) -> Distribution:
    return install(Versions(spark="3.5.6", java=17, python="3.9"), cache, terminal_progress())


def spark_submit(spark: Distribution, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.defpath,
        "JAVA_HOME": str(spark.java_home),
        "SPARK_HOME": str(spark.spark_home),
        "PYSPARK_PYTHON": str(spark.python),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # One compiler: for so short a run the better one costs more than it gives.
    settings = ["--master", "local[1]", "--conf", "spark.ui.enabled=false"]
    settings += ["--driver-java-options", "-XX:TieredStopAtLevel=1"]
    command = [spark.spark_home / "bin" / "spark-submit", *settings, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def features(*jobs: str) -> str:
    """A features file; a job is `id company [type degree major industry]`."""
    rows = [[*job.split(), *["CEO", "NONE", "NONE", "OIL"][len(job.split()) - 2 :]] for job in jobs]
    return "\n".join([FEATURES_HEADER, *(",".join([*row, "3", "7"]) for row in rows)]) + "\n"


def salaries(*jobs: str) -> str:
    return "\n".join([SALARIES_HEADER, *(",".join(job.split()) for job in jobs)]) + "\n"


ONE_JOB, ONE_SALARY = features("JOB1 COMP1"), salaries("JOB1 100")


@dataclass
class Case:
    """One run of the job: its input, how it ended, what it wrote."""

    folder: Path
    features: str | None
    salaries: str | None
    ended: tuple[str, str] | None = None
    elsewhere: str | None = None
    """Where the features are said to be, if not in the folder."""

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def arguments(self) -> list[str]:
        names = {"features": "features.csv", "salaries": "salaries.csv", "output": "output"}
        paths = {name: str(self.folder / path) for name, path in names.items()}
        paths["features"] = self.elsewhere or paths["features"]
        given = [part for name, path in paths.items() for part in (f"--{name}", path)]
        return [*given, "--partitions", "1"]

    def write(self) -> None:
        self.folder.mkdir(parents=True)
        for name, text in (("features.csv", self.features), ("salaries.csv", self.salaries)):
            if text is not None:
                (self.folder / name).write_text(text)

    def written(self, feature: str) -> Path:
        (file,) = (self.output / feature).glob("*.csv")
        return file

    def averages(self, feature: str) -> list[tuple[str, str]]:
        return [(value, str(average)) for value, average in read_averages(self.written(feature), feature)]


def make_cases(folder: Path) -> dict[str, Case]:
    def case(name: str, features: str | None = ONE_JOB, salaries: str | None = ONE_SALARY) -> Case:
        return Case(folder / name, features, salaries)

    found = {
        "generated": case("generated", features=None, salaries=None),
        "ties": case(
            "ties",
            features=features("JOB1 COMPB", "JOB2 COMPA", "JOB3 COMPC", "JOB4 COMPC"),
            salaries=salaries("JOB1 10", "JOB2 10", "JOB3 30", "JOB4 20"),
        ),
        # 1/32 is 0.03125: half up, and not to the even neighbour
        "half": case(
            "half",
            features=features(*(f"JOB{job} COMP1" for job in range(32))),
            salaries=salaries("JOB0 1", *(f"JOB{job} 0" for job in range(1, 32))),
        ),
        "unpaid": case("unpaid", features=features("JOB1 COMP1", "JOB2 COMP2")),
        "quoted": case("quoted", features=ONE_JOB.replace("COMP1", '"Smith, Jones"')),
        "no value": case("no value", features=ONE_JOB.replace("COMP1", "")),
        "no features": case("no features", features=None),
        "no salaries": case("no salaries", salaries=None),
        "no such storage": Case(folder / "storage", ONE_JOB, ONE_SALARY, elsewhere="never://b/features.csv"),
        "other header": case("other header", salaries="id,pay\nJOB1,100\n"),
        "other order": case("other order", features=ONE_JOB.replace("degree,major", "major,degree")),
        "no header": case("no header", salaries="JOB1,100\n"),
        "nothing in it": case("nothing in it", features=""),
        "only a header": case("only a header", salaries=salaries()),
        "unknown jobs": case("unknown jobs", salaries=salaries("JOB1 100", "JOB7 70", "JOB8 80")),
        "features twice": case("features twice", features=features("JOB1 COMP1", "JOB1 COMP2")),
        "no number": case("no number", salaries=salaries("JOB1 much")),
        "no salary": case("no salary", salaries=salaries("JOB1 100", "JOB1 ")),
    }
    for one in found.values():
        one.write()
    return found


@pytest.fixture(scope="module")
def cases(spark: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Case]:
    """Every case, run, the generated one twice and the unknown jobs where there is output already."""
    folder = tmp_path_factory.mktemp("spark")
    made = make_cases(folder)
    module(GENERATE).main(["--rows", "500", "--folder", str(made["generated"].folder)])
    for name in ("features", "salaries"):
        (made["generated"].folder / f"train_{name}.csv").rename(made["generated"].folder / f"{name}.csv")
    earlier = made["unknown jobs"].output / "degree" / "earlier.csv"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("what an earlier run wrote")
    runs = {name: case.arguments for name, case in made.items()} | {"again": made["generated"].arguments}
    (folder / "cases.json").write_text(json.dumps(runs))
    submitted = spark_submit(spark, CASES, SPARK_JOB, folder / "cases.json", folder / "outcomes.json")
    assert submitted.returncode == 0, submitted.stderr
    ended = json.loads((folder / "outcomes.json").read_text())
    assert ended.pop("again") is None
    for name, outcome in ended.items():
        made[name].ended = outcome and tuple(outcome)
    return made


def test_generated_data_gives_what_an_independent_computation_gives_also_when_run_again(
    cases: Mapping[str, Case],
) -> None:
    generated = cases["generated"]
    expected = average_salaries(generated.folder / "features.csv", generated.folder / "salaries.csv")

    assert generated.ended is None
    assert {name: read_averages(generated.written(name), name) for name in FEATURES} == expected


def test_each_feature_has_one_file_in_a_folder_of_its_name_and_nothing_else_is_left(
    cases: Mapping[str, Case],
) -> None:
    output = cases["generated"].output

    assert {path.name for path in output.iterdir()} == set(FEATURES)
    for name in FEATURES:
        visible = [path.name for path in (output / name).iterdir() if not path.name.startswith(".")]
        assert sorted(visible) == ["_SUCCESS", cases["generated"].written(name).name]


def test_the_highest_average_comes_first_and_equal_ones_by_name(cases: Mapping[str, Case]) -> None:
    assert cases["ties"].averages("companyId") == [
        ("COMPC", "25.0000"),
        ("COMPA", "10.0000"),
        ("COMPB", "10.0000"),
    ]


def test_averages_have_four_places_rounded_half_up(cases: Mapping[str, Case]) -> None:
    assert cases["half"].averages("companyId") == [("COMP1", "0.0313")]


def test_features_without_a_salary_do_not_count(cases: Mapping[str, Case]) -> None:
    assert cases["unpaid"].averages("companyId") == [("COMP1", "100.0000")]


def test_a_name_may_have_a_comma(cases: Mapping[str, Case]) -> None:
    assert cases["quoted"].averages("companyId") == [("Smith, Jones", "100.0000")]


def test_a_feature_that_is_not_known_is_a_group_of_its_own(cases: Mapping[str, Case]) -> None:
    assert cases["no value"].averages("companyId") == [("", "100.0000")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no features", "{folder}/features.csv cannot be read: [PATH_NOT_FOUND] Path does not exist"),
        ("no salaries", "{folder}/salaries.csv cannot be read: [PATH_NOT_FOUND] Path does not exist"),
        (
            "no such storage",
            "never://b/features.csv cannot be read: org.apache.hadoop.fs.UnsupportedFileSystemException: ",
        ),
        ("other header", "{folder}/salaries.csv has the header 'id,pay', not 'jobId,salary'"),
        ("other order", "{folder}/features.csv has the header 'jobId,companyId,jobType,major,degree,"),
        ("no header", "{folder}/salaries.csv has the header 'JOB1,100', not 'jobId,salary'"),
        ("nothing in it", "{folder}/features.csv has the header '', not 'jobId,companyId,"),
        ("only a header", "there are no salaries: the file ends after its header"),
        ("unknown jobs", "2 of 3 salaries have no features, the one of JOB"),
        ("features twice", "some jobs have several rows of features, JOB1 for instance"),
        ("no number", "1 of 1 salaries are no whole numbers, the one of JOB1 for instance"),
        ("no salary", "1 of 2 salaries are no whole numbers, the one of JOB1 for instance"),
    ],
)
def test_wrong_input_is_an_error_that_says_what_is_wrong(
    cases: Mapping[str, Case], name: str, message: str
) -> None:
    ended = cases[name].ended

    assert ended
    assert ended[0] == "InputError"
    assert ended[1].startswith(message.format(folder=cases[name].folder))
    assert "\n" not in ended[1]


def test_wrong_input_leaves_no_output_and_an_earlier_one_as_it_was(cases: Mapping[str, Case]) -> None:
    failed = [case for case in cases.values() if case.ended and case is not cases["unknown jobs"]]
    earlier = [path for path in cases["unknown jobs"].output.rglob("*") if path.is_file()]

    assert len(failed) > 5
    assert not [case for case in failed if case.output.exists()]
    assert [path.read_text() for path in earlier] == ["what an earlier run wrote"]


def test_as_a_program_it_fails_and_the_errors_own_line_stands_in_its_log(
    spark: Distribution, tmp_path: Path
) -> None:
    case = Case(tmp_path / "case", ONE_JOB, None)
    case.write()

    submitted = spark_submit(spark, SPARK_JOB, *case.arguments)

    assert submitted.returncode == 1, submitted.stderr
    # spark-submit hands on all that Python says, errors too, as its standard output.
    message = f"InputError: {case.folder}/salaries.csv cannot be read: "
    (line,) = [line for line in submitted.stdout.splitlines() if message in line]
    assert line.removeprefix("__main__.").startswith(message)
