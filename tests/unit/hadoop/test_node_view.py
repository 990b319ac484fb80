"""What a node shows at the paths that EMR has, where this machine permits mount namespaces."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until
from windtunnel.hadoop import mount_namespace, node_view
from windtunnel.hadoop.cluster import Cluster
from windtunnel.hadoop.processes import Outcome, ProcessState, Request, kill, launch, observe
from windtunnel.hadoop.spec import ClusterSpec
from windtunnel.install.files import write_atomically

SOMEBODY = 54321
"""A user without privileges and without an entry in /etc/passwd."""


class Shown:
    """A cluster's master node, on which commands can be run."""

    def __init__(self, spec: ClusterSpec, spark_home: Path) -> None:
        for name in ("jars", "bin"):
            (spark_home / name).mkdir(parents=True)
        self.spec = dataclasses.replace(
            spec, distribution=dataclasses.replace(spec.distribution, spark_home=spark_home)
        )
        for folder in (self.spec.home, self.spec.temporary):
            folder.mkdir(parents=True)
        write_atomically(self.spec.launchers / "spark-submit", "#!/bin/sh\necho submitted\n", mode=0o755)
        write_atomically(self.spec.conf / "core-site.xml", "the master's")
        write_atomically(self.spec.spark_conf / "spark-defaults.conf", "spark.mine yes\n")
        self.node = self.spec.folder / "node" / "i-1"
        node_view.write_programs(self.spec)
        Cluster(self.spec).introduce(self.node, is_master=True)
        if refusal := node_view.refusal_of(self.node):
            pytest.skip(f"this machine permits no mount namespaces: {refusal}")
        (node_view.info_of(self.node) / "instance.json").write_text('{"isMaster": true}')
        self._runs = 0

    def start(self, *argv: str) -> Path:
        """The process folder of a command on the node."""
        self._runs += 1
        folder = self.spec.folder / "runs" / str(self._runs)
        folder.mkdir(parents=True)
        view = node_view.view_of(self.spec.folder)
        environment = {"PATH": os.environ["PATH"], "SPARK_HOME": str(self.spec.distribution.spark_home)}
        logs = folder / "stdout", folder / "stderr"
        launch(folder / "process", Request(argv, environment, folder, *logs, view))
        return folder

    def run(self, script: str) -> tuple[Outcome, str, str]:
        folder = self.start("bash", "-c", script)
        wait_until(lambda: observe(folder / "process").state is ProcessState.EXITED, 60)
        outcome = observe(folder / "process").outcome
        assert outcome
        return outcome, (folder / "stdout").read_text(), (folder / "stderr").read_text()

    def says(self, script: str) -> str:
        outcome, stdout, stderr = self.run(script)
        assert outcome.exit_code == 0, stderr
        return stdout.strip()


@pytest.fixture
def shown(spec: ClusterSpec, tmp_path: Path) -> Shown:
    return Shown(spec, tmp_path / "spark")


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("cat /mnt/var/lib/info/instance.json", '{"isMaster": true}'),
        ("cat /etc/hadoop/conf/core-site.xml", "the master's"),
        ("cat /usr/lib/hadoop/etc/hadoop/core-site.xml", "the master's"),
        ("cat /etc/spark/conf/spark-defaults.conf", "spark.mine yes"),
        ("cat $SPARK_HOME/conf/spark-defaults.conf", "spark.mine yes"),
        ("cat /usr/lib/spark/conf/spark-defaults.conf", "spark.mine yes"),
        ("ls /usr/lib/spark/", "bin\nconf\njars"),
        ("/usr/bin/spark-submit", "submitted"),
        ("whoami; id -gn; echo ~hadoop", "hadoop\nhadoop\n/home/hadoop"),
    ],
)
def test_a_node_has_its_files_where_emr_has_them(shown: Shown, script: str, printed: str) -> None:
    assert shown.says(script) == printed


def test_what_is_written_there_is_the_nodes_and_the_users(shown: Shown) -> None:
    shown.says("mkdir -p /mnt/scratch && echo kept > /mnt/scratch/a && echo mine > /home/hadoop/b")
    assert shown.says("cat /mnt/scratch/a ~hadoop/b") == "kept\nmine"
    assert (shown.spec.home / "b").stat().st_uid == os.getuid()
    assert not Path("/mnt/scratch").exists() and not Path("/home/hadoop/b").exists()


def test_the_rest_of_the_machine_is_where_it_was_and_not_to_be_written(shown: Shown) -> None:
    for folder in ("/etc", "/home", "/mnt", "/usr/bin", "/usr/lib"):
        script = f"{sys.executable} -c 'import os; print(*os.listdir(\"{folder}\"), sep=chr(10))'"
        assert set(os.listdir(folder)) <= set(shown.says(script).splitlines())  # noqa: PTH208
    for folder in ("/etc", "/usr/bin", "/usr/lib"):
        outcome, _, stderr = shown.run(f"touch {folder}/by-windtunnel")
        assert outcome.exit_code == 1 and "Read-only file system" in stderr


def test_nothing_is_mounted_on_the_machine(shown: Shown) -> None:
    shown.says("true")
    assert str(shown.spec.folder) not in Path("/proc/self/mountinfo").read_text()
    shutil.rmtree(shown.spec.folder)


def test_a_process_in_a_view_is_seen_and_killed_as_any_other(shown: Shown) -> None:
    folder = shown.start("bash", "-c", "sleep 1000 & sleep 1000") / "process"
    status = observe(folder)
    assert status.state is ProcessState.RUNNING and status.pid
    assert psutil.Process(status.pid).environ()["WINDTUNNEL_PROCESS"] == str(folder)
    kill(folder)
    outcome = observe(folder).outcome
    assert outcome and outcome.signal == 9
    assert not psutil.pid_exists(status.pid)


def test_a_worker_shows_its_own_configuration(shown: Shown) -> None:
    folder = shown.spec.folder / "node" / "i-2"
    Cluster(shown.spec).introduce(folder, is_master=False)
    assert (node_view.root_of(folder) / "etc" / "hadoop" / "conf").readlink() == folder / "conf"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that somebody else may enter and write."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    os.chown(folder, SOMEBODY, SOMEBODY)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="who is not root is tested as himself by the others")
def test_no_privileges_are_needed(place: Path) -> None:
    (place / "etc").mkdir()
    (place / "etc" / "of-the-node").write_text("x")
    (place / "mnt").mkdir()
    for folder in ("etc", "mnt"):
        os.chown(place / folder, SOMEBODY, SOMEBODY)
    view = {"binds": [[str(place / "mnt"), "/mnt", ["var"]]], "overlays": [[str(place / "etc"), "/etc"]]}
    code = (
        f"{Path(mount_namespace.__file__).read_text().partition('if __name__')[0]}\n"
        f"enter(json.loads({json.dumps(view)!r}))\n"
        "os.execvp('bash', ['bash', '-c', 'cat /etc/of-the-node; id -u; touch /mnt/a; grep CapEff /proc/self/status'])"
    )
    done = subprocess.run(
        ["python3", "-I", "-c", code],
        cwd="/", user=SOMEBODY, group=SOMEBODY, extra_groups=[], capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "namespace of its own" in done.stderr or "Mounting" in done.stderr:
        pytest.skip(f"this machine permits it to root alone: {done.stderr}")
    assert done.stdout == f"x{SOMEBODY}\nCapEff:\t0000000000000000\n", done.stderr
    assert (place / "mnt" / "a").stat().st_uid == SOMEBODY


def test_a_machine_that_permits_none_is_told_by_its_reason(spec: ClusterSpec, tmp_path: Path) -> None:
    missing = dataclasses.replace(spec.distribution, spark_home=tmp_path / "nowhere")
    spec = dataclasses.replace(spec, distribution=missing)
    node = spec.folder / "node" / "i-1"
    Cluster(spec).introduce(node, is_master=True)
    assert "No such file or directory" in node_view.refusal_of(spec.folder)
    assert node_view.view_of(spec.folder) is None


def test_a_view_that_can_no_longer_be_entered_fails_the_process_with_a_sentence(tmp_path: Path) -> None:
    view = {"binds": [], "overlays": [[str(tmp_path), str(tmp_path / "gone")]]}
    logs = tmp_path / "stdout", tmp_path / "stderr"
    launch(tmp_path / "process", Request(("true",), {"PATH": os.environ["PATH"]}, tmp_path, *logs, view))
    wait_until(lambda: observe(tmp_path / "process").state is ProcessState.EXITED, 60)
    outcome = observe(tmp_path / "process").outcome
    assert outcome and outcome.exit_code == 126
    assert "Cannot enter the node's mount namespace" in (tmp_path / "stderr").read_text()
