"""Write the locks that releases still lack, when a row of `releases` is new.

Run this module in the repository: `python -m windtunnel.emr.catalogue.locks`. A lock that is there stays as it
is; remove it to have it resolved anew.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from windtunnel.emr.catalogue.releases import find_release, runnable_labels
from windtunnel.hadoop.distribution import Versions, lock_file
from windtunnel.install.uv import uv

NUMPY = {"3.8": "numpy<1.24"}
"""By Python, where it is not the newest: jobs of that time use `np.float` and its like, which 1.24 dropped."""


def requirements(versions: Versions) -> dict[str, tuple[str, ...]]:
    """What the locks of a release hold, by their names: Spark's, and that of the Python which steps find."""
    return {
        f"spark-{versions.spark}": (f"pyspark=={versions.spark}",),
        f"python-{versions.python}": ("boto3", "pip", NUMPY.get(versions.python, "numpy")),
    }


def write(path: Path, python: str, wanted: tuple[str, ...]) -> None:
    """Resolve what is wanted for this Python ("3.9") into a lock at `path`. Raises InstallError."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "requirements.in"
        source.write_text("\n".join(wanted) + "\n")
        uv(
            *("pip", "compile", "--universal", "--python-version", python, "--generate-hashes"),
            *("--no-emit-index-url", "--no-header", "--no-annotate", source, "-o", path),
            purpose=f"The lock {path.name}",
        )


def write_missing() -> None:
    """Write each lock that some release needs and that is not there. Raises InstallError."""
    for label in runnable_labels():
        release = find_release(label)
        assert release is not None  # noqa: S101 - it is runnable
        for name, wanted in requirements(release.versions).items():
            path = Path(str(lock_file(name)))
            if not path.exists():
                write(path, release.versions.python, wanted)


if __name__ == "__main__":
    write_missing()
