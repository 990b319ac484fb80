from pathlib import Path

import pytest

from tests.behaviours import behaviour
from windtunnel.hadoop.steps import step_argv


@pytest.mark.parametrize("jar", ["command-runner.jar", "/var/lib/aws/emr/command-runner.jar"])
def test_command_runner_runs_its_arguments_as_they_are(jar: str, tmp_path: Path) -> None:
    args = ["spark-submit", "--deploy-mode", "client", "s3://b/x y.py", "$HOME"]
    assert step_argv(jar, None, {}, args, tmp_path) == tuple(args)


@pytest.mark.parametrize(
    "jar", ["script-runner.jar", "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar"]
)
def test_script_runner_is_known_wherever_it_is_said_to_be(jar: str, tmp_path: Path) -> None:
    argv = step_argv(jar, None, {}, ["s3://b/x.sh", "a b"], tmp_path)
    assert argv == ("script-runner", str(tmp_path), "s3://b/x.sh", "a b")


@pytest.mark.parametrize("jar", ["command-runner.jar", "s3://x/script-runner.jar"])
def test_a_runner_without_arguments_is_refused(jar: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs Args"):
        step_argv(jar, None, {}, [], tmp_path)


def test_any_other_jar_runs_as_hadoop_jar_does(tmp_path: Path) -> None:
    argv = step_argv("s3://b/my.jar", "org.Main", {}, ["in", "out"], tmp_path)
    assert argv == ("jar-runner", str(tmp_path), "s3://b/my.jar", "org.Main", "in", "out")
    assert step_argv("/x/my.jar", None, {}, ["in"], tmp_path)[3:] == ("in",)


def test_its_properties_are_java_system_properties(tmp_path: Path) -> None:
    step_argv("my.jar", None, {"a": 'b "c"\\', "d": "e f"}, [], tmp_path)
    assert (tmp_path / "java-options").read_text() == '"-Da=b \\"c\\"\\\\"\n"-Dd=e f"\n'


@behaviour("steps", "The jar of s3-dist-cp is known by its name, wherever it is said to be.")
@pytest.mark.parametrize(
    "jar",
    [
        "/usr/share/aws/emr/s3-dist-cp/lib/s3-dist-cp.jar",
        "/home/hadoop/lib/emr-s3distcp-1.0.jar",
        "s3://eu-west-1.elasticmapreduce/libs/s3distcp/1.latest/s3distcp.jar",
    ],
)
def test_the_jar_of_s3_dist_cp_is_known_wherever_it_is_said_to_be(jar: str, tmp_path: Path) -> None:
    argv = step_argv(jar, None, {"a": "b c"}, ["--src", "s3://x/"], tmp_path)
    assert argv == ("s3-dist-cp", "-Da=b c", "--src", "s3://x/")
