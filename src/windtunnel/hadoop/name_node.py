"""A formatted NameNode with EMR's directories, made once and copied to each new cluster.

Formatting costs a JVM of its own, and WebHDFS some seconds at its first call: no cluster pays for either.
"""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from windtunnel.hadoop.hdfs import USER, NameNode
from windtunnel.hadoop.ports import LOOPBACK, free_ports
from windtunnel.hadoop.processes import ProcessState, Request, kill, launch, observe
from windtunnel.install.errors import InstallError
from windtunnel.install.files import locked, write_atomically
from windtunnel.install.progress import Progress

MAIN = "org.apache.hadoop.hdfs.server.namenode.NameNode"
CLUSTER_ID = "CID-windtunnel"
DIRECTORIES = {
    "/tmp": "1777",  # noqa: S108  HDFS's, not this machine's
    "/user/hadoop": "755",
    "/user/spark/warehouse": "777",
    "/var/log/spark/apps": "777",
}
"""Of HDFS, with their permissions, as EMR has them."""
START_SECONDS = 120
POLL_SECONDS = 0.2


def image(java_home: Path, hadoop_jars: Sequence[Path], cache: Path, progress: Progress) -> Path:
    """The folder of a formatted NameNode, made once by the real one. Raises InstallError."""
    digest = hashlib.sha256(
        "\n".join((str(DIRECTORIES), *(jar.name for jar in hadoop_jars))).encode()
    ).hexdigest()[:12]
    folder = cache / "name-node" / digest
    if folder.exists():
        return folder
    with locked(folder.with_name(f".{digest}.lock")):
        if not folder.exists():
            with progress.task("HDFS: formatting a NameNode", unit="files"):
                _format(java_home, hadoop_jars, folder)
    return folder


def place(image: Path, folder: Path, cluster_id: str) -> None:
    """Copy the formatted NameNode to `folder` (dfs.namenode.name.dir) of the cluster `cluster_id`, once.

    Each copy gets an HDFS cluster id of its own, so that DataNodes of another cluster are turned away.
    """
    if folder.exists():
        return
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(image, part)
    version = part / "current" / "VERSION"
    write_atomically(version, version.read_text().replace(CLUSTER_ID, f"CID-{cluster_id}"))
    part.rename(folder)


def _format(java_home: Path, hadoop_jars: Sequence[Path], folder: Path) -> None:
    part = folder.with_name(f".{folder.name}.part")
    kill(part / "process")  # what an attempt that was killed may have left
    shutil.rmtree(part, ignore_errors=True)
    rpc, web = free_ports(2)
    properties = {
        "fs.defaultFS": f"hdfs://{LOOPBACK}:{rpc}",
        "dfs.namenode.http-address": f"{LOOPBACK}:{web}",
        "dfs.namenode.name.dir": (part / "name").as_uri(),
    }
    xml = "".join(f"<property><name>{k}</name><value>{v}</value></property>" for k, v in properties.items())
    write_atomically(part / "conf" / "hdfs-site.xml", f"<configuration>{xml}</configuration>")
    log = part / "log"
    command = (
        *(str(java_home / "bin" / "java"), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp"),
        ":".join(map(str, (*hadoop_jars, part / "conf"))),
        MAIN,
    )
    environment = {"HADOOP_USER_NAME": USER, "PATH": os.environ.get("PATH", os.defpath)}
    with log.open("ab") as output:
        done = subprocess.run(
            (*command, "-format", "-nonInteractive", "-clusterid", CLUSTER_ID),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode:
        raise _failed("be formatted by", java_home, log)
    try:
        launch(part / "process", Request(command, environment, part, log, log))
        _make_directories(part / "process", web, java_home, log)
    finally:
        kill(part / "process")
    (part / "name").rename(folder)
    shutil.rmtree(part)


def _make_directories(process: Path, port: int, java_home: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False) as client:
        name_node = NameNode(client, f"http://{LOOPBACK}:{port}")
        for path, permission in DIRECTORIES.items():
            while not name_node.make_directory(path, permission):
                if observe(process).state is not ProcessState.RUNNING or time.monotonic() > deadline:
                    raise _failed("be started with", java_home, log)
                time.sleep(POLL_SECONDS)


def _failed(what: str, java_home: Path, log: Path) -> InstallError:
    lines = "\n".join(log.read_text(errors="replace").strip().splitlines()[-15:])
    return InstallError(f"The NameNode could not {what} {java_home}. Its last lines:\n{lines}")
