"""A cluster's own Python environment: what its bootstrap actions install, its steps and executors import.

It holds nothing at first and sees the release's packages, so that it is made in an instant.
"""

import os
from pathlib import Path

from windtunnel.install.errors import InstallError
from windtunnel.install.files import write_atomically

CONFIGURATION = "pyvenv.cfg"


def make_environment(root: Path, release: Path) -> None:
    """Make `root` a virtual environment over the one whose interpreter is `release`; safe to repeat.

    What was installed into it stays. Raises InstallError when `release` is in no virtual environment.
    """
    below = release.parent.parent
    packages = sorted(below.glob("lib/python*/site-packages"))
    if not packages:
        raise InstallError(f"{below} is no Python environment. Remove that folder, then try again.")
    version = packages[0].parent.name
    write_atomically(root / CONFIGURATION, (below / CONFIGURATION).read_text())
    # Read after its own packages, so that an upgrade of one of the release's wins.
    write_atomically(root / "lib" / version / "site-packages" / "release.pth", f"{packages[0]}\n")
    (root / "bin").mkdir(exist_ok=True)
    for name in ("python", "python3", version):
        link = root / "bin" / name
        if not link.is_symlink():
            link.symlink_to(os.path.realpath(release))
