"""MapReduce's jars, made to fit the Hadoop client whose third-party classes have names of their own.

Hadoop publishes its client shaded: `com.google.inject` there is `org.apache.hadoop.shaded.com.google.inject`. The jars
of the application master, of the shuffle, of streaming and of distcp are published for the unshaded one; jarjar renames
what they refer to. docs/decisions/0009 says why.
"""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from windtunnel.hadoop.class_files import on_loopback
from windtunnel.hadoop.ports import LOOPBACK
from windtunnel.install.errors import InstallError
from windtunnel.install.files import locked
from windtunnel.install.java import run_java
from windtunnel.install.progress import Progress

FORMAT = "2"
"""Of what is made here: another one makes other jars."""
SHADED = (
    *("com.fasterxml.jackson", "com.google.inject", "com.sun.jersey", "javax.servlet", "javax.ws.rs"),
    *("org.apache.commons.cli", "org.apache.commons.text", "org.eclipse.jetty"),
)
RULES = "".join(f"rule {package}.** org.apache.hadoop.shaded.{package}.@1\n" for package in SHADED)
# What listens: on every interface, if it were left as it is.
LISTENERS = {
    "hadoop-mapreduce-client-app": (
        "org/apache/hadoop/mapred/TaskAttemptListenerImpl.class",
        "org/apache/hadoop/mapreduce/v2/app/client/MRClientService.class",
    ),
    "hadoop-mapreduce-client-shuffle": ("org/apache/hadoop/mapred/ShuffleHandler.class",),
}
# The application master's web pages are served by a class of the client's; it takes this jar's before that.
APPLICATION_MASTER = "hadoop-mapreduce-client-app"
WEB_APPS = "org/apache/hadoop/yarn/webapp/WebApps$Builder.class"


def fitted_jars(
    jars: Sequence[Path],
    tools: Sequence[Path],
    client: Path,
    java_home: Path,
    *,
    cache: Path,
    progress: Progress,
) -> tuple[Path, ...]:
    """The `jars` as they fit the shaded `client`, made once under `cache` by `tools`. Raises InstallError."""
    names = "\n".join((FORMAT, RULES, *(jar.name for jar in (*jars, *tools, client))))
    home = cache / "mapreduce" / hashlib.sha256(names.encode()).hexdigest()[:12]
    # The libraries among them refer to nothing that is shaded.
    of_hadoop = [jar for jar in jars if jar.name.startswith("hadoop-")]
    made = tuple(home / jar.name if jar in of_hadoop else jar for jar in jars)
    if home.exists():
        return made
    with locked(home.with_name(f".{home.name}.lock")):
        if not home.exists():
            with progress.task("MapReduce", unit="jars"):
                _make(of_hadoop, tools, client, java_home, home)
    return made


def _make(jars: Sequence[Path], tools: Sequence[Path], client: Path, java_home: Path, home: Path) -> None:
    part = home.with_name(f".{home.name}.part")
    part.mkdir(exist_ok=True)
    rules, local = part / "rules.txt", part / "local.jar"
    rules.write_text(RULES)
    jarjar = ("-cp", ":".join(map(str, tools)), "org.pantsbuild.jarjar.Main")
    for jar in jars:
        try:
            _keep_local(jar, client, local)
        except ValueError as error:
            raise InstallError(f"{jar} can't be made to listen on {LOOPBACK} alone: {error}") from error
        failed = f"jarjar could not rename the classes of {jar}"
        run_java(java_home, (*jarjar, "process", rules, local, part / jar.name), failed)
    local.unlink()
    part.rename(home)


def _keep_local(jar: Path, client: Path, target: Path) -> None:
    """Write the jar with its listeners on the loopback interface."""
    artifact = jar.name.rpartition("-")[0]
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            copy.writestr(name, on_loopback(data) if name in LISTENERS.get(artifact, ()) else data)
        if artifact == APPLICATION_MASTER:
            with zipfile.ZipFile(client) as classes:
                copy.writestr(WEB_APPS, on_loopback(classes.read(WEB_APPS)))
