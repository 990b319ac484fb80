"""CSV files in S3, read to be shown."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from windtunnel.stack.errors import StackError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Table:
    """The CSV files of one folder, read as one table. `count` is how many rows there are in all."""

    name: str
    headers: list[str]
    rows: list[list[str]]
    count: int


def tables(glob: str, top: int) -> Iterator[Table]:
    """The tables that `glob` (`s3://bucket/folder/*/*.csv`) names, the first `top` rows of each.

    AWS is found by the SDK's environment variables. Raises StackError when nothing is there or S3 does not answer.
    """
    try:
        yield from _tables(glob, top)
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"What is at {glob} cannot be read: {error}") from error


def _tables(glob: str, top: int) -> Iterator[Table]:
    s3 = boto3.client("s3")
    folders: dict[str, list[str]] = {}
    place = urlsplit(glob)
    for key in _keys(s3, place.netloc, place.path.lstrip("/")):
        folders.setdefault(key.rpartition("/")[0], []).append(key)
    if not folders:
        raise StackError(f"There is nothing at {glob}, which windtunnel.toml says the run leaves behind.")
    for folder, keys in folders.items():
        bodies = (s3.get_object(Bucket=place.netloc, Key=key)["Body"].read() for key in sorted(keys))
        yield _table(f"s3://{place.netloc}/{folder}/", bodies, top)


def _keys(s3: "S3Client", bucket: str, pattern: str) -> list[str]:
    prefix = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = (found["Key"] for page in pages for found in page.get("Contents", ()))
    return [key for key in keys if _matches(key, pattern)]


def _matches(key: str, pattern: str) -> bool:
    """As a shell does: a star stays within its folder."""
    parts, wanted = key.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _table(name: str, bodies: Iterator[bytes], top: int) -> Table:
    headers: list[str] = []
    rows: list[list[str]] = []
    count = 0
    for body in bodies:
        reader = csv.reader(io.StringIO(body.decode()))
        headers = next(reader, headers)
        for row in reader:
            count += 1
            if len(rows) < top:
                rows.append(row)
    return Table(name, headers, rows, count)
