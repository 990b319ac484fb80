"""A cluster's own Python: the release's, into which bootstrap actions and steps may install."""

from pathlib import Path

from windtunnel.hadoop.spec import ClusterSpec
from windtunnel.install.files import write_atomically


def place(spec: ClusterSpec) -> None:
    """Make the environment, a thousandth of a second: links, and the way to the release's packages. Repeatable.

    What is installed there comes before the release's own packages, and goes with the cluster.
    """
    release, own = spec.distribution.python, spec.python.parent.parent
    packages = Path("lib") / f"python{spec.distribution.versions.python}" / "site-packages"
    for name in ("python3", "python", f"python{spec.distribution.versions.python}"):
        link = spec.python.with_name(name)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(release)
    write_atomically(own / packages / "release.pth", f"{release.parent.parent / packages}\n")
    # Last: with this file it is an environment. The one of the release says which interpreter it was made of.
    write_atomically(own / "pyvenv.cfg", (release.parent.parent / "pyvenv.cfg").read_text())
