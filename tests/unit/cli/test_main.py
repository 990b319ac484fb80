import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.ports import free_port
from windtunnel.cli import main as cli
from windtunnel.cli.flags import FLAGS
from windtunnel.install.files import locked
from windtunnel.stack.settings import Settings, names

ROOT = Path(__file__).parents[3]
WINDTUNNEL = Path(sys.executable).with_name("windtunnel")
OF_THIS_REPOSITORY = ("lock", "sbom")
"""Targets of make that are no commands: another project has nothing for them to work on."""


def windtunnel(*arguments: str, folder: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("WINDTUNNEL_", "PYTEST_"))}
    return subprocess.run(
        [WINDTUNNEL, *arguments],
        cwd=folder,
        env=environment | more,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_and_windtunnel_have_the_same_commands_with_the_same_words() -> None:
    make = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    told = dict(re.findall(r"^  make ([\w-]+) +(.*)$", make, re.MULTILINE))
    for name in OF_THIS_REPOSITORY:
        del told[name]

    assert told == cli.COMMANDS


def test_every_command_is_declared_phony() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert set(" ".join(phony).split()) == {*cli.COMMANDS, *OF_THIS_REPOSITORY}


def test_the_help_lists_every_command() -> None:
    listed = CliRunner().invoke(cli.app, ["--help"]).output

    for name in cli.COMMANDS:
        assert re.search(rf"^  {name} ", listed, re.MULTILINE)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.load(name)(["--help"], standalone_mode=False)
    told = capsys.readouterr().out

    assert not re.search(r"^ {3,}", told.partition("Options:")[0], re.MULTILINE)
    assert cli.COMMANDS[name] in " ".join(told.split())


def test_the_flags_are_the_settings() -> None:
    assert list(FLAGS) == names()
    for name, (kind, _) in FLAGS.items():
        default = Settings.model_fields[name].default
        assert not isinstance(default, int) or kind is int


def test_listing_the_commands_imports_none_of_what_they_need() -> None:
    script = "import sys, windtunnel.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    heavy = {"pydantic", "httpx", "boto3", "sqlalchemy", "starlette", "rich.table", "supervisor", "psutil"}
    assert not heavy & set(loaded.split())


def test_a_mistyped_command_gets_the_nearest() -> None:
    ran = windtunnel("statsu")

    assert ran.returncode == 2
    assert "Did you mean 'status'?" in ran.stderr


def test_a_mistyped_service_gets_the_nearest_and_the_list() -> None:
    ran = windtunnel("logs", "scheduler")

    assert ran.returncode == 1
    assert "Did you mean airflow-scheduler?" in ran.stderr
    assert "localstack" in ran.stderr


def test_a_wrong_setting_is_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "windtunnel.toml").write_text("emr_prot = 1\n")

    ran = windtunnel("env", folder=tmp_path)

    assert ran.returncode == 1
    assert (
        ran.stderr
        == f"windtunnel: {tmp_path}/windtunnel.toml has an unknown key emr_prot: did you mean emr_port?\n"
    )


def test_a_flag_is_a_setting() -> None:
    assert (
        "export AWS_ENDPOINT_URL_EMR=http://127.0.0.1:4571\n"
        in windtunnel("env", "--emr-port", "4571").stdout
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--conf", "{"], "--conf is not JSON"),
        (["run", "--conf", "[1]"], "--conf must be a JSON object"),
        (["run"], "Which DAG?"),
        (["bench"], "has no bench/__main__.py"),
        (["test-e2e"], "has no folder tests/e2e"),
        (["help", "nothing"], "There is no command nothing"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "windtunnel.toml").write_text("")

    ran = windtunnel(*arguments, folder=tmp_path)

    assert ran.returncode == 1
    assert ran.stderr.startswith("windtunnel: ")
    assert said in ran.stderr


def test_tests_get_what_else_is_given_and_no_aws_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "windtunnel.toml").write_text("")
    (tmp_path / "tests").mkdir()
    text = "import os\ndef test_one(): assert 'AWS_PROFILE' not in os.environ\ndef test_two(): assert False\n"
    (tmp_path / "tests" / "test_it.py").write_text(text)
    monkeypatch.setenv("AWS_PROFILE", "mine")

    assert windtunnel("test", "-k", "one", folder=tmp_path).returncode == 0
    assert windtunnel("test", "-k", "two", folder=tmp_path).returncode == 1


@pytest.mark.parametrize(("command", "name"), [("test-e2e", "mine"), ("test", "")])
def test_only_the_end_to_end_tests_get_the_account_and_only_when_they_are_led_to_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    (tmp_path / "windtunnel.toml").write_text("")
    (tmp_path / "tests" / "e2e").mkdir(parents=True)
    text = f"import os\ndef test_one(): assert os.environ.get('AWS_PROFILE', '') == {name!r}\n"
    (tmp_path / "tests" / "e2e" / "test_it.py").write_text(text)
    monkeypatch.setenv("AWS_PROFILE", "mine")

    assert windtunnel("test-e2e", folder=tmp_path).returncode == bool(name)
    assert windtunnel(command, folder=tmp_path, WINDTUNNEL_E2E_TARGET="aws").returncode == 0


def test_clean_removes_what_a_stack_left_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "windtunnel.toml").write_text('state = "mine"\n')
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    refused = windtunnel("clean", folder=tmp_path)
    assert refused.returncode == 1 and "nothing of it was removed" in refused.stderr
    assert (tmp_path / "mine" / "thesis.txt").exists()
    (tmp_path / "mine" / "supervisord.conf").touch()
    assert windtunnel("clean", folder=tmp_path).returncode == 0
    assert not (tmp_path / "mine").exists()


def test_only_one_service_moves_the_clusters_of_a_state(tmp_path: Path) -> None:
    (tmp_path / "windtunnel.toml").write_text(f"emr_port = {free_port()}\n")
    with locked(tmp_path / ".windtunnel" / "emr" / ".lock"):
        refused = windtunnel("serve", folder=tmp_path)
    assert refused.returncode == 1 and "Another EMR service runs on" in refused.stderr
