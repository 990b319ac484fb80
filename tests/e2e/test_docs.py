"""Every command that the documentation shows, run as it stands there, on a copy of this repository."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import STACK, Project, wait_for_line
from tests.e2e.stacks import why_no_docker
from tests.ports import free_port
from tests.project import ROOT, own_web_ports
from windtunnel.stack.environment import aws_variables

pytestmark = pytest.mark.skipif(STACK != "native", reason="The commands are the same ones with every stack")

PAGES = [
    *(page.relative_to(ROOT) for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))),
    Path("Makefile"),
    Path("windtunnel.toml"),
]
COMMAND = re.compile(
    r"(?:make [a-z]|(?:\.venv/bin/)?windtunnel [a-z]|aws [a-z0-9]+ [a-z]|eval |python -m )[^`#]*"
)
GO_ON = {"make logs SERVICE=emr FOLLOW=1": "", "windtunnel serve": "Amazon EMR answers"}
"""What goes on until it is interrupted, and what it says before that."""
REFUSED = "This shell is set up for something else than AWS"
NEED_AN_ACCOUNT = (
    "windtunnel deploy",
    "make deploy",
    "make destroy",
    'make deploy ARGS="--parameter NatGateways=1"',
)
"""What goes to an AWS account, and refuses to in a shell that is set up for the stack, as that of the test is."""
ANSWERS = {
    "make deploy ARGS=--local": "make deploy ARGS='--local --yes'",
    "make destroy ARGS=--local": "make destroy ARGS='--local --confirm salary-pipeline'",
}
"""What asks at a terminal, with the answer."""
IN_ORDER = [
    "make help",
    "make up",
    "make run",
    "make run ROWS=20000",
    "make status",
    "make logs",
    "make logs SERVICE=emr",
    "make logs SERVICE=emr FOLLOW=1",
    "windtunnel logs emr",
    "windtunnel env",
    'eval "$(.venv/bin/windtunnel env)"',
    "aws emr list-clusters",
    "aws s3 ls",
    "make check",
    "windtunnel check",
    *NEED_AN_ACCOUNT,
    "make deploy ARGS=--local",
    "make destroy ARGS=--local",
    "make up WINDTUNNEL_EMR_PORT=4571",
    "make down",
    "windtunnel serve",
    "make test",
    'make test ARGS="-k salary -x"',
    "make test-unit",
    "make test-e2e",
    "make soak",
    "make bench",
    "python -m windtunnel.emr.state_diagrams",
    "python -m windtunnel.emr.coverage",
    "python -m windtunnel.emr.catalogue.page",
    "python -m windtunnel.emr.catalogue.locks",
    "python -m tests.behaviours",
    "make sbom",
    "python -m supply.sbom -o dist/emr.cdx.json locks/runtime.txt",
    "make run STACK=docker",
    "make down STACK=docker",
    "make up STACK=docker",
    "make up STACK=docker WINDTUNNEL_AIRFLOW_EXECUTOR=CeleryExecutor",
    "make test-e2e STACK=docker",
    "make clean",
]


def documented() -> set[str]:
    """The commands in the pages' code spans and indented lines."""
    found = set()
    for page in PAGES:
        text = (ROOT / page).read_text()
        spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^(?:    |#   )(.*)", text, re.MULTILINE)
        commands = (COMMAND.fullmatch(span.split("  ")[0].strip()) for span in spans)
        found |= {command.group() for command in commands if command}
    return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """What `git clone` and the set-up make, with a stack of its own that is not up yet."""
    folder = tmp_path_factory.mktemp("clone") / "windtunnel"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    # A folder of its own with a marker that is newer than all: `make` is not to set up the developer's anew.
    (folder / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / part).symlink_to(ROOT / ".venv" / part)
    (folder / ".venv" / ".ready").touch()
    one = Project(folder, "native", emr_web_ports=own_web_ports())
    yield one
    one.end()


def test_the_pages_show_these_commands_and_no_others() -> None:
    assert documented() == set(IN_ORDER)


@pytest.mark.parametrize("command", IN_ORDER)
def test_a_command_of_the_pages_runs(clone: Project, command: str) -> None:
    environment = {
        **clone.environment,
        **aws_variables(clone.settings),
        "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        # Tests within a test are only collected; the benchmark measures a little.
        "PYTEST_ADDOPTS": "--collect-only --quiet",
    }
    if "STACK=docker" in command and (why := why_no_docker()):
        pytest.skip(why)
    if command == "make bench":
        environment["ARGS"] = "--rows 2000 --repeat 1"
    # The example's port may be another stack's.
    line = ANSWERS.get(command, command).replace("4571", str(free_port()))
    with subprocess.Popen(
        ["bash", "-c", line],
        cwd=clone.home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        if command in GO_ON:
            wait_for_line(process, GO_ON[command])
            os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate()
    if command in NEED_AN_ACCOUNT:
        assert process.returncode != 0 and REFUSED in said
        return
    assert process.returncode == 0 or command in GO_ON, said
    if command in ("make down", "make clean"):
        assert clone.left() == []
