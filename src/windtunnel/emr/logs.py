"""Logs on their way to LogUri: gzipped, in EMR's layout, as soon as they change."""

import gzip
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from windtunnel.emr.folders import STEP_LOGS as LOG_NAMES
from windtunnel.emr.folders import ClusterFolder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_SECONDS, READ_SECONDS = 2, 10
SILENCE_SECONDS = 10.0
"""How long an S3 that did not answer is left alone: nobody waits for it again and again."""
MOST_IN_MEMORY = 1 << 22

log = logging.getLogger(__name__)


class LogShipper:
    """Copies a cluster's logs to its LogUri, and again what has changed since. Safe to use from several threads.

    What was copied is remembered only here: after a restart everything is copied once more, to the same keys.
    """

    def __init__(self, environment: Mapping[str, str], endpoint: str) -> None:
        self._environment = environment
        self._endpoint = endpoint
        self._client: S3Client | None = None
        self._seen: dict[tuple[Path, str], tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._silent_until = 0.0
        """Not 0 from when S3 did not answer until it does again."""
        self._asking_again = threading.Lock()

    def ship(self, cluster: ClusterFolder, log_uri: str, folders: Iterable[Path]) -> bool:
        """Copy what is new in these folders of a cluster's logs.

        False, and a line in the service's log, where S3 can't be reached or says no: then try again later.
        """
        if time.monotonic() < self._silent_until:
            return False
        if not self._silent_until:
            return self._try(cluster, log_uri, folders)
        # Whether an S3 that did not answer is back is found out by one thread: no other waits with it.
        if not self._asking_again.acquire(blocking=False):
            return False
        try:
            return self._try(cluster, log_uri, folders)
        finally:
            self._asking_again.release()

    def _try(self, cluster: ClusterFolder, log_uri: str, folders: Iterable[Path]) -> bool:
        bucket, _, prefix = log_uri.partition("://")[2].partition("/")
        root = f"{prefix}{cluster.path.name}/"
        try:
            for folder in folders:
                for name in LOG_NAMES:
                    self._copy(folder / name, bucket, root + cluster.log_key(folder / name))
        except Exception as error:  # noqa: BLE001 - whatever S3's client raises: the step's end must not depend on it
            log.warning("Logs of %s could not be copied to %s: %s", cluster.path.name, log_uri, error)
            if isinstance(error, BotoCoreError):  # no answer; what S3 answers is about this bucket alone
                self._silent_until = time.monotonic() + SILENCE_SECONDS
            return False
        self._silent_until = 0.0
        return True

    def forget(self, cluster: ClusterFolder) -> None:
        """A cluster has ended: its files will not change again."""
        with self._lock:
            for known in [known for known in self._seen if known[0].is_relative_to(cluster.path)]:
                del self._seen[known]

    def _copy(self, path: Path, bucket: str, key: str) -> None:
        try:
            about = path.stat()
            signature = (about.st_size, about.st_mtime_ns)
            if self._seen.get((path, key)) == signature:
                return
            with path.open("rb") as log_file, tempfile.SpooledTemporaryFile(MOST_IN_MEMORY) as body:
                with gzip.GzipFile(fileobj=body, mode="wb", mtime=0) as zipped:
                    shutil.copyfileobj(log_file, zipped)
                body.seek(0)
                self._s3().put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/x-gzip")
        except FileNotFoundError:
            return  # there is none, or a container's folder was cleaned up meanwhile
        except PermissionError as error:
            log.warning("%s can't be read, so it is not copied: %s", path, error)
            return
        with self._lock:
            self._seen[path, key] = signature

    def _s3(self) -> "S3Client":
        with self._lock:
            if self._client is None:
                self._client = s3_client(self._environment, self._endpoint)
            return self._client


def s3_client(environment: Mapping[str, str], endpoint: str) -> "S3Client":
    """A client of S3 with the keys of `environment`, with bounds short enough for one that is down."""
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
    )
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 2},
        s3={"addressing_style": "path"} if endpoint else {},
    )
    return session.client("s3", endpoint_url=endpoint or None, config=config)


def log_folders(cluster: ClusterFolder) -> Iterator[Path]:
    """Every folder with logs of a cluster: its steps', its bootstrap actions', its containers'."""
    for pattern in ("steps/*", "node/*/bootstrap-actions/*"):
        yield from sorted(cluster.path.glob(pattern))
    yield from cluster.containers()
