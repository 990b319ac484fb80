"""What a node looks like to what runs there: the folders and files that EMR has at fixed paths.

Each node has its own in its folder, below `root`; what all share is in the cluster's folder, below `programs`.
Where this machine permits mount namespaces, processes see them at EMR's own paths; else by variables
(HADOOP_CONF_DIR, SPARK_CONF_DIR, WINDTUNNEL_NODE_INFO).
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from windtunnel.hadoop import mount_namespace
from windtunnel.hadoop.hdfs import USER
from windtunnel.hadoop.mount_namespace import View
from windtunnel.hadoop.spec import ClusterSpec
from windtunnel.install.files import write_atomically

PROBE_SECONDS = 20
HADOOP_FOLDERS = ("hadoop", "hadoop-hdfs", "hadoop-mapreduce", "hadoop-yarn")
VIEW = "view.json"
NEEDED_BY_THE_MACHINE = "python"
"""Of the programs on a node's PATH, the ones that /usr/bin keeps: environments on this machine are made of them."""


def root_of(folder: Path) -> Path:
    """Where a node keeps what it shows; the master has it in the cluster's folder too."""
    return folder / "root"


def info_of(folder: Path) -> Path:
    """The folder that is /mnt/var/lib/info on EMR, with instance.json and job-flow.json."""
    return root_of(folder) / "mnt" / "var" / "lib" / "info"


def view_of(folder: Path) -> View | None:
    """What the processes of a node see at other paths; None where this machine does not permit it."""
    view = _read(folder).get("view")
    return view if isinstance(view, dict) else None


def refusal_of(folder: Path) -> str:
    """Why they can't; empty where they can."""
    return str(_read(folder).get("refusal", ""))


def write_programs(spec: ClusterSpec) -> None:
    """Write what all nodes of the cluster show: the programs of PATH, Hadoop, the configuration of Spark.

    Safe to repeat; the launchers have to be there.
    """
    shared = _programs_of(spec)
    if shared.exists():
        return
    distribution = spec.distribution
    installed = (*distribution.hadoop_jars, *distribution.mapreduce_jars)
    jars = [jar for jar in installed if jar.name.startswith("hadoop-")]
    version = f"-{distribution.hadoop_version}"
    links = {
        "spark/conf": spec.spark_conf,
        "lib/spark": distribution.spark_home,
        **{f"lib/{name}": shared / "hadoop" for name in HADOOP_FOLDERS},
        "hadoop/bin": spec.launchers,
        "hadoop/etc/hadoop": Path("/etc/hadoop/conf"),
        **{f"hadoop/{name}": jar for jar in jars for name in (jar.name, jar.name.replace(version, ""))},
        **{
            f"bin/{one.name}": one
            for one in spec.launchers.iterdir()
            if not one.name.startswith(NEEDED_BY_THE_MACHINE)
        },
    }
    part = shared.with_name(f".{shared.name}.part")
    _link_all(part, links)
    part.rename(shared)


def write_node(spec: ClusterSpec, folder: Path, conf: Path) -> None:
    """Write what the node in `folder` shows; `conf` is its Hadoop's configuration. Safe to repeat."""
    root = root_of(folder)
    if (root / VIEW).exists():
        return
    log = conf.parent / "applications"
    links = {
        "etc/hadoop/conf": conf,
        "etc/hive/conf": spec.hive_conf,
        "etc/spark/conf": spec.spark_conf,
        "home/hadoop": spec.home,
        "mnt/var/log/hadoop/steps": spec.folder / "steps",
        "mnt/var/log/bootstrap-actions": folder / "bootstrap-actions",
        **{f"mnt/var/log/{name}": log / name for name in ("hadoop-hdfs", "hadoop-yarn", "spark")},
    }
    _link_all(root, links)
    info_of(folder).mkdir(parents=True, exist_ok=True)
    user, group = os.getuid(), os.getgid()
    _add_first(root / "etc" / "passwd", f"{USER}:x:{user}:{group}::/home/{USER}:/bin/bash\n")
    _add_first(root / "etc" / "group", f"{USER}:x:{group}:\n")
    spark_home = spec.distribution.spark_home
    refusal = _refusal(spark_home, spec.folder)
    said = {"refusal": refusal} if refusal else {"view": _view(root, _programs_of(spec), spark_home)}
    write_atomically(root / VIEW, json.dumps(said))


def _programs_of(spec: ClusterSpec) -> Path:
    return spec.folder / "programs"


def _view(root: Path, programs: Path, spark_home: Path) -> View:
    overlays = {"bin": "/usr/bin", "lib": "/usr/lib", "spark": str(spark_home)}
    return {
        "binds": [[str(root / "mnt"), "/mnt", ["var"]], [str(root / "home"), "/home", [USER]]],
        "overlays": [
            [str(root / "etc"), "/etc"],
            *([str(programs / name), path] for name, path in overlays.items()),
        ],
    }


def _refusal(spark_home: Path, folder: Path) -> str:
    """Why this machine does not permit a view that has `spark_home` in it; empty where it does."""
    if sys.platform != "linux":
        return "only Linux has mount namespaces"
    key = folder.parent, spark_home
    if key not in _refusals:
        with TemporaryDirectory(dir=folder, prefix=".view-") as root:
            for name in ("mnt", "home", "etc", "bin", "lib", "spark"):
                (Path(root) / name).mkdir()
            _refusals[key] = _tried(_view(Path(root), Path(root), spark_home))
    return _refusals[key]


_refusals: dict[tuple[Path, Path], str] = {}
"""By the folder of all clusters and the home of Spark: another try would only take time."""


def _tried(view: View) -> str:
    argv = (sys.executable, "-I", "-S", mount_namespace.__file__, json.dumps(view))
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"to make one takes longer than {PROBE_SECONDS} seconds"
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""


def _read(folder: Path) -> Mapping[str, object]:
    try:
        read: Mapping[str, object] = json.loads((root_of(folder) / VIEW).read_bytes())
    except FileNotFoundError:
        return {}
    return read


def _link_all(folder: Path, links: Mapping[str, Path]) -> None:
    """Links below the folder, by the path that each has there."""
    for parent in {(folder / name).parent for name in links}:
        parent.mkdir(parents=True, exist_ok=True)
    for name, target in links.items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)


def _add_first(file: Path, line: str) -> None:
    """The machine's own file of this name in /etc, with a line before its others."""
    own = Path("/etc") / file.name
    write_atomically(file, line + (own.read_text() if own.exists() else ""))
