"""Where a cluster's files are: the one place that makes these names."""

import shutil
from dataclasses import dataclass
from pathlib import Path

STEP_LOGS = ("controller", "syslog", "stderr", "stdout")
LOG_FOLDERS = frozenset({"steps", "containers", "bootstrap-actions", "applications"})
"""What is kept of a cluster that has ended."""
ACTION_LOGS = ("controller", "stderr", "stdout")


@dataclass(frozen=True)
class RunFolder:
    """One thing that runs once, a step or a bootstrap action: its process and its logs."""

    path: Path

    @property
    def process(self) -> Path:
        """The process folder (see `windtunnel.hadoop.processes`)."""
        return self.path / "process"

    def log(self, name: str) -> Path:
        """controller, syslog, stderr or stdout."""
        return self.path / name


@dataclass(frozen=True)
class ClusterFolder:
    """`<state>/clusters/<j-id>`, laid out as EMR lays out its logs."""

    path: Path

    @classmethod
    def of(cls, state: Path, cluster_id: str) -> "ClusterFolder":
        """The folder of that cluster in the service's state."""
        return cls(state / "clusters" / cluster_id)

    def step(self, step_id: str) -> RunFolder:
        """A step's."""
        return RunFolder(self.path / "steps" / step_id)

    def node(self, ec2_id: str) -> Path:
        """A node's: its daemons and bootstrap actions."""
        return self.path / "node" / ec2_id

    def bootstrap_action(self, ec2_id: str, number: int) -> RunFolder:
        """The `number`-th bootstrap action, from 1, on a node."""
        return RunFolder(self.node(ec2_id) / "bootstrap-actions" / str(number))

    def containers(self, application_id: str = "application_*") -> list[Path]:
        """The folders of the stdout, stderr and the like of an application's containers, or of all of them."""
        return sorted(self.path.glob(f"containers/*/{application_id}/container_*"))

    def log_key(self, log: Path) -> str:
        """The key of a log below `<LogUri>/<j-id>/`: steps and nodes lie here as they do there."""
        place = log.relative_to(self.path)
        if place.parts[0] == "steps" or "bootstrap-actions" in place.parts:
            return f"{place.as_posix()}.gz"
        application, container, name = place.parts[-3:]
        return f"containers/{application}/{container}/{name}.gz"

    def remove_data(self) -> None:
        """Remove all but the logs: HDFS, YARN's local folders, configuration."""
        for pattern in ("steps/*", "node/*/bootstrap-actions/*"):
            for unfinished in ("process/.*", "process/*.new"):  # by a service or a shim that was killed
                for file in self.path.glob(f"{pattern}/{unfinished}"):
                    file.unlink(missing_ok=True)
        folders = [folder for folder in (*self.path.glob("node/*"), self.path) if folder.is_dir()]
        for folder in folders:
            for entry in folder.iterdir():
                if entry.name in LOG_FOLDERS or (folder == self.path and entry.name == "node"):
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)
