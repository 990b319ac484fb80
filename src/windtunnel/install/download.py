"""Downloads in parallel, resumed where they stopped, checked by their SHA-256."""

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from windtunnel.install.errors import InstallError
from windtunnel.install.fetch import MAVEN_URL_VARIABLE, Artifact, maven_url
from windtunnel.install.progress import Progress, Task

CONNECTIONS = 6
ATTEMPTS = 5
CHUNK = 256 * 1024


class _TryAgain(Exception):
    """The server could not answer now."""


class _Stopped(Exception):
    """Another download failed, so this one ends early."""


def download(missing: Sequence[Artifact], into: Path, progress: Progress, label: str) -> None:
    """Download the artifacts into the folder, the largest first; all of them, or InstallError is raised."""
    total = sum(a.size for a in missing)
    stop = threading.Event()
    with (
        progress.task(f"{label}: {len(missing)} jars from {maven_url()}", total) as task,
        httpx.Client(timeout=httpx.Timeout(30, connect=15), follow_redirects=True) as client,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        one = _Download(client, into, task, stop)
        largest_first = sorted(missing, key=lambda a: -a.size)
        running = [pool.submit(one.artifact, a) for a in largest_first]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


@dataclass(frozen=True)
class _Download:
    client: httpx.Client
    into: Path
    task: Task
    stop: threading.Event

    def artifact(self, artifact: Artifact) -> None:
        part = self.into / f"{artifact.file_name}.part"
        url = f"{maven_url()}/{artifact.url_path}"
        if part.exists():
            self.task.advance(min(part.stat().st_size, artifact.size))
        retrying = Retrying(
            retry=retry_if_exception_type((httpx.TransportError, _TryAgain)),
            wait=wait_random_exponential(multiplier=0.5, max=8),
            stop=stop_after_attempt(ATTEMPTS),
            sleep=self._pause,
            reraise=True,
        )
        try:
            retrying(self._receive, artifact, url, part)
        except (httpx.HTTPError, _TryAgain, OSError) as error:
            raise InstallError(_unreachable(artifact, url, error)) from error
        _check(artifact, part)
        part.replace(self.into / artifact.file_name)

    def _pause(self, seconds: float) -> None:
        self.stop.wait(seconds)

    def _receive(self, artifact: Artifact, url: str, part: Path) -> None:
        if self.stop.is_set():
            raise _Stopped
        have = part.stat().st_size if part.exists() else 0
        if have >= artifact.size:
            return
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with self.client.stream("GET", url, headers=headers) as response:
            if response.status_code >= 500 or response.status_code in (408, 429):
                raise _TryAgain(f"the server answered {response.status_code}")
            if response.status_code >= 400:
                raise InstallError(_refused(artifact, url, response.status_code))
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            if have and not resumed:
                self.task.advance(-have)
            with part.open("ab" if resumed else "wb") as file:
                for chunk in response.iter_raw(CHUNK):
                    if self.stop.is_set():
                        raise _Stopped
                    file.write(chunk)
                    self.task.advance(len(chunk))


def _check(artifact: Artifact, part: Path) -> None:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest == artifact.sha256:
        return
    size = part.stat().st_size
    part.unlink()
    raise InstallError(
        f"{artifact.coordinates} from {maven_url()} is not the file that the lock names: "
        f"expected sha256 {artifact.sha256} ({artifact.size} bytes), got {digest} ({size} bytes). "
        f"It was removed. Try again; if it stays so, the mirror or proxy in between alters files."
    )


def _refused(artifact: Artifact, url: str, status: int) -> str:
    return (
        f"{artifact.coordinates} could not be downloaded: {url} answered {status}. "
        f"If {MAVEN_URL_VARIABLE} names a mirror, see that it carries this artifact and lets you in."
    )


def _unreachable(artifact: Artifact, url: str, error: Exception) -> str:
    return (
        f"{artifact.coordinates} could not be downloaded from {url}: {error or type(error).__name__}. "
        f"Is this machine online? Behind a proxy set HTTPS_PROXY (and SSL_CERT_FILE for its certificate); "
        f"for a mirror set {MAVEN_URL_VARIABLE}. What has arrived is kept: run the same command again."
    )
