"""startup.sh, run once for each component of MWAA, in a folder of its own; nothing that it calls installs a thing."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from windtunnel.install.progress import Progress
from windtunnel.stack.airflow import startup
from windtunnel.stack.errors import StackError

COMPONENTS = ("webserver", "scheduler", "worker")
"""What MWAA_AIRFLOW_COMPONENT is."""
READS_DAGS = "scheduler"
NOT_RUN = ("yum", "dnf", "rpm", "pip", "pip3", "aws", "systemctl")
"""Programs that succeed and do nothing: they would change this machine, or ask an account."""
OF_OTHER_SYSTEMS = ("apt-get", "apt", "apt-key", "dpkg", "apk", "brew", "snap", "zypper", "pacman")
"""Programs that MWAA's Amazon Linux does not have, so that here there are none either."""
_NOTHING = "#!/bin/sh\nexit 0\n"
_NOT_FOUND = '#!/bin/sh\necho "${0##*/}: command not found" >&2\nexit 127\n'
# `sudo -E yum …` is what comes after its options.
_SUDO = '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n'


@dataclass(frozen=True)
class Ran:
    """How it ended for a component."""

    exports: Mapping[str, str]
    problem: str = ""
    """Why it failed, with its last lines; paths are those of the project."""


def run(
    project: Path,
    folder: Path,
    environments: Mapping[str, Mapping[str, str]],
    progress: Progress,
    seconds: float = startup.SECONDS,
) -> dict[str, Ran]:
    """Run the project's startup.sh in `folder` for each component with its environment; {} when there is none."""
    script = project / startup.FILE_NAME
    if not script.is_file():
        return {}
    programs = _programs(folder / "bin")

    def one(component: str) -> Ran:
        own = folder / component
        own.mkdir(parents=True)
        copy = own / startup.FILE_NAME
        shutil.copyfile(script, copy)
        environment = dict(environments[component])
        environment["PATH"] = f"{programs}:{environment['PATH']}"
        try:
            exports = startup.exported(copy, environment, own / "log.txt", seconds)
        except StackError as error:
            # The same on each component where it fails in the same way.
            return Ran({}, str(error).replace(f"{own}/", ""))
        return Ran({name: value for name, value in exports.items() if name != "PATH"})

    with progress.task("Running startup.sh"), ThreadPoolExecutor() as pool:
        return dict(zip(environments, pool.map(one, environments), strict=True))


def _programs(folder: Path) -> Path:
    folder.mkdir(parents=True)
    stand_ins = {
        **dict.fromkeys(NOT_RUN, _NOTHING),
        **dict.fromkeys(OF_OTHER_SYSTEMS, _NOT_FOUND),
        "sudo": _SUDO,
    }
    for name, text in stand_ins.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder
