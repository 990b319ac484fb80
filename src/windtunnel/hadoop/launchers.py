"""The programs on the PATH of steps and bootstrap actions: thin shell scripts.

Those of Hadoop are a class path and a main class; which cluster they talk to is said by HADOOP_CONF_DIR and
SPARK_CONF_DIR, which Java by JAVA_HOME. Those of a machine's administrator change the cluster's folder at most.
"""

import shlex
import sys
from importlib.resources import files
from pathlib import Path
from string import Template

from windtunnel.hadoop.distribution import Distribution
from windtunnel.hadoop.jvm import MODULES, sharing
from windtunnel.hadoop.spec import ClusterSpec
from windtunnel.install.files import write_atomically

TOOLS = "org.apache.hadoop.hdfs.tools"
YARN_CLI = "org.apache.hadoop.yarn.client.cli"
EVERYWHERE = {"version": "org.apache.hadoop.util.VersionInfo"}
RUN_JAR = {"jar": "org.apache.hadoop.util.RunJar"}
# The commands of Hadoop's own scripts, as far as the installed jars hold them.
HADOOP = {
    "hadoop": {
        "fs": "org.apache.hadoop.fs.FsShell",
        **RUN_JAR,
        "distcp": "org.apache.hadoop.tools.DistCp",
        "checknative": "org.apache.hadoop.util.NativeLibraryChecker",
        "credential": "org.apache.hadoop.security.alias.CredentialShell",
        "daemonlog": "org.apache.hadoop.log.LogLevel",
        "s3guard": "org.apache.hadoop.fs.s3a.s3guard.S3GuardTool",
        **EVERYWHERE,
    },
    "hdfs": {
        "dfs": "org.apache.hadoop.fs.FsShell",
        "dfsadmin": f"{TOOLS}.DFSAdmin",
        "fsck": f"{TOOLS}.DFSck",
        "getconf": f"{TOOLS}.GetConf",
        "groups": f"{TOOLS}.GetGroups",
        "storagepolicies": f"{TOOLS}.StoragePolicyAdmin",
        "ec": f"{TOOLS}.ECAdmin",
        "cacheadmin": f"{TOOLS}.CacheAdmin",
        "snapshotDiff": f"{TOOLS}.snapshot.SnapshotDiff",
        "balancer": "org.apache.hadoop.hdfs.server.balancer.Balancer",
        **EVERYWHERE,
    },
    "yarn": {
        **dict.fromkeys(
            ("application", "app", "applicationattempt", "container"), f"{YARN_CLI}.ApplicationCLI"
        ),
        "cluster": f"{YARN_CLI}.ClusterCLI",
        "node": f"{YARN_CLI}.NodeCLI",
        "queue": f"{YARN_CLI}.QueueCLI",
        "logs": f"{YARN_CLI}.LogsCLI",
        "rmadmin": f"{YARN_CLI}.RMAdminCLI",
        "top": f"{YARN_CLI}.TopCLI",
        **RUN_JAR,
        **EVERYWHERE,
    },
    "mapred": {
        "job": "org.apache.hadoop.mapred.JobClient",
        "queue": "org.apache.hadoop.mapred.JobQueueClient",
        "streaming": "org.apache.hadoop.streaming.HadoopStreaming",
        "distcp": "org.apache.hadoop.tools.DistCp",
        **RUN_JAR,
        **EVERYWHERE,
    },
}
SPARK = ("spark-submit", "spark-shell", "spark-sql", "pyspark")
SCRIPTS = ("fetch", "script-runner", "jar-runner", "hadoop-streaming", "state-pusher-script")
OF_THE_SYSTEM = ("yum", "dnf", "rpm", "apt", "apt-get", "amazon-linux-extras", "systemctl", "service")
"""Programs that bootstrap actions call on EMR and that would change this machine."""


def write_launchers(folder: Path, spec: ClusterSpec) -> None:
    """Write every launcher into `folder`."""
    distribution = spec.distribution
    for program, commands in HADOOP.items():
        _write(folder / program, "hadoop", _hadoop_values(program, commands, distribution))
    for name in SCRIPTS:
        _write(folder / name, name, {"launchers": shlex.quote(str(folder))})
    for name in SPARK:
        _write(folder / name, "spark", {"script": shlex.quote(str(distribution.spark_home / "bin" / name))})
    _write(folder / "s3-dist-cp", "s3-dist-cp", {"python": shlex.quote(sys.executable)})
    _write(folder / "aws", "aws", {"aws": shlex.quote(str(Path(sys.prefix) / "bin" / "aws"))})
    pip = Path(str(files("windtunnel.hadoop") / "scripts" / "pip_alone.py"))
    python = {"python": shlex.quote(str(spec.python)), "pip": shlex.quote(str(pip))}
    for name in ("python", "pip"):
        for version in ("", "3", distribution.versions.python):
            _write(folder / f"{name}{version}", "python", python)
    _write(folder / "sudo", "sudo", {})
    for name in OF_THE_SYSTEM:
        _write(folder / name, "of-the-system", {"exit_code": "0" if spec.system_commands_warn else "1"})


def _hadoop_values(program: str, commands: dict[str, str], distribution: Distribution) -> dict[str, str]:
    cases = "\n".join(f"  {command}) main={main} ;;" for command, main in commands.items())
    installed = "\n".join(
        f"    {jar.name.removesuffix(f'-{distribution.hadoop_version}.jar')}*.jar) jar={shlex.quote(str(jar))} ;;"
        for jar in distribution.mapreduce_jars
    )
    return {
        "installed": installed,
        "program": program,
        "cases": cases,
        "commands": " ".join((*commands, "classpath")),
        "class_path": shlex.quote(distribution.hadoop_class_path()),
        "options": shlex.join((*MODULES, *sharing(distribution.hadoop_archive))),
    }


def _write(path: Path, template: str, values: dict[str, str]) -> None:
    text = (files("windtunnel.hadoop") / "scripts" / f"{template}.sh").read_text()
    write_atomically(path, Template(text).substitute(values), mode=0o755)
