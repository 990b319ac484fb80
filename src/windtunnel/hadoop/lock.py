"""Write the digests and sizes into a lock of jars: `python -m windtunnel.hadoop.lock [lock file]`.

To add a jar, add its line with any values; to drop one, drop its line; then run this.
"""

import hashlib
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from windtunnel.hadoop.jars import lock_file
from windtunnel.install.fetch import Artifact, maven_url
from windtunnel.install.files import write_atomically


def measure(client: httpx.Client, coordinates: str) -> Artifact:
    """Download the jar and say what it is; raises ValueError when it is not what was published."""
    url = f"{maven_url()}/{Artifact(coordinates, '', 0).url_path}"
    jar = client.get(url).raise_for_status().content
    published = client.get(f"{url}.sha1").raise_for_status().text.split()[0]
    if hashlib.sha1(jar, usedforsecurity=False).hexdigest() != published:
        raise ValueError(f"{url} does not have the SHA-1 that is published beside it")
    return Artifact(coordinates, hashlib.sha256(jar).hexdigest(), len(jar))


def lock(path: Path) -> None:
    """Write the lock at `path` anew, the same tables and jars in the same order."""
    tables = tomllib.loads(path.read_text())
    lines: list[str] = []
    with httpx.Client(timeout=60, follow_redirects=True) as client, ThreadPoolExecutor(6) as pool:
        for name, table in tables.items():
            lines += ["", f"[{name}]"]
            lines += [
                f'"{a.coordinates}" = {{ sha256 = "{a.sha256}", size = {a.size} }}'
                for a in pool.map(lambda coordinates: measure(client, coordinates), table)
            ]
    write_atomically(path, "\n".join(lines[1:]) + "\n")


if __name__ == "__main__":
    lock(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(str(lock_file())))
