"""A mount namespace in which a process sees folders of its node's at the paths that they have on EMR.

Of the standard library alone: the shim loads it between fork and exec. Needs no privileges where Linux permits user
namespaces. `python -I -S mount_namespace.py <view>` tries whether this machine permits it.
"""

import ctypes
import json
import os
import sys
from typing import Any

NEW_NAMESPACE = 0x20000
NEW_USER_NAMESPACE = 0x10000000
READ_ONLY, BIND, RECURSIVE, PRIVATE = 0x1, 0x1000, 0x4000, 0x40000

View = dict[str, Any]
"""`binds`: [folder, path, names]: the folder lies at the path, and so does what the machine has there but for these
names. `overlays`: [folder, path]: what the folder holds is seen at the path as well, and nothing there can be written.
"""


def enter(view: View) -> None:
    """Have this process and what it starts see the view; its user and group stay. Raises OSError."""
    _unshare()
    _mount("", "/", "", RECURSIVE | PRIVATE)  # or the machine would see what is mounted here
    for folder, path, names in view["binds"]:
        _bind(folder, os.path.realpath(path), names)
    for folder, path in view["overlays"]:
        _overlay(folder, os.path.realpath(path))


def _unshare() -> None:
    if _libc().unshare(NEW_NAMESPACE) == 0:
        return
    user, group = os.getuid(), os.getgid()
    if _libc().unshare(NEW_USER_NAMESPACE | NEW_NAMESPACE):
        raise _error("A namespace of its own")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)


def _bind(folder: str, path: str, names: list[str]) -> None:
    with os.scandir(path) as entries:
        others = [entry for entry in entries if entry.name not in names]
    for entry in others:
        place = os.path.join(folder, entry.name)  # noqa: PTH118
        if entry.is_symlink():
            if not os.path.lexists(place):
                os.symlink(os.readlink(entry.path), place)  # noqa: PTH115, PTH211
            continue
        if entry.is_dir():
            os.makedirs(place, exist_ok=True)  # noqa: PTH103
        else:
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600))
        _mount(entry.path, place, "", BIND | RECURSIVE)
    _mount(folder, path, "", BIND | RECURSIVE)


def _overlay(folder: str, path: str) -> None:
    # An overlay does not show what is mounted below its folders, as a container's /etc/resolv.conf is.
    below = [(mounted, os.open(mounted, os.O_PATH)) for mounted in _mounts_below(path)]
    _mount("overlay", path, "overlay", READ_ONLY, f"lowerdir={folder}:{path}")
    for mounted, descriptor in below:
        _mount(f"/proc/self/fd/{descriptor}", mounted, "", BIND | RECURSIVE)
        os.close(descriptor)


def _mounts_below(path: str) -> list[str]:
    with open("/proc/self/mountinfo") as file:  # noqa: PTH123
        points = [line.split(" ")[4].encode().decode("unicode_escape") for line in file]
    below = sorted({point for point in points if point.startswith(f"{path}/")})
    return [point for point in below if not any(point.startswith(f"{other}/") for other in below)]


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    texts = [text.encode() or None for text in (source, target, kind, data)]
    if _libc().mount(*texts[:3], ctypes.c_ulong(flags), texts[3]):
        raise _error(f"Mounting {source or target} at {target}")


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    try:
        enter(json.loads(sys.argv[1]))
    except OSError as error:
        sys.exit(error.strerror)
