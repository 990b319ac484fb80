"""The bucket: what in it differs from the project, brought there; and emptied, every version of every object."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.files import MIRRORED, VERSIONED, File, sizes
from windtunnel.deploy.target import Target, code_of
from windtunnel.install.progress import Progress

SHA256 = "sha256"
"""The object's metadata that tells its content, where its ETag does not."""
_MADE_BY = "aws:cloudformation:stack-name"
"""The tag that CloudFormation leaves on what a stack has made."""
_GONE = ("404", "NoSuchBucket", "NoSuchKey", "NotFound")
_NO_VERSION = "null"
"""Of an object that was put while the bucket was not versioned: the next one put then is "null" again."""
_MOST_DELETED = 1000
"""Objects of one call."""
_ROUNDS = 10
"""How often a bucket is emptied that gets new objects meanwhile, as from a cluster that has just ended."""


@dataclass(frozen=True)
class Sync:
    """What has to be done to a bucket."""

    new: tuple[File, ...] = ()
    changed: tuple[File, ...] = ()
    deleted: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    """Of VERSIONED, those that are there and stay as they are."""

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.changed or self.deleted)


@dataclass(frozen=True)
class Content:
    """What a bucket holds."""

    objects: int
    versions: int
    """All of them, the present ones and the marks of deletions too."""
    uploads: int
    """Unfinished ones."""
    size: int
    """Bytes of all versions."""


class Bucket:
    """A bucket of the account."""

    def __init__(self, target: Target, name: str, progress: Progress) -> None:
        self._s3 = target.client("s3")
        self._account = target.account
        self._progress = progress
        self.name = name

    def exists(self) -> bool:
        """Whether it is there. Raises DeployError when S3 does not say so: it may be another account's."""
        try:
            self._s3.head_bucket(Bucket=self.name, ExpectedBucketOwner=self._account)
        except ClientError as error:
            if code_of(error) in _GONE:
                return False
            if code_of(error) == "403":
                raise DeployError(
                    f"S3 does not let you look at the bucket {self.name}: it is another account's, or you have no "
                    f"s3:ListBucket for it. Without that S3 does not even say whether it is there."
                ) from error
            raise
        return True

    def is_of_another(self, stack: str) -> bool:
        """Whether its tags say that another stack than this one has made it."""
        try:
            tags = self._s3.get_bucket_tagging(Bucket=self.name, ExpectedBucketOwner=self._account)["TagSet"]
        except ClientError as error:
            if code_of(error) != "NoSuchTagSet":
                raise
            return False
        return any(one["Key"] == _MADE_BY and one["Value"] != stack for one in tags)

    def compare(self, files: Iterable[File]) -> Sync:
        """What is to be done so that it holds these files, and nothing else where it mirrors the project."""
        wanted = {one.key: one for one in files}
        folders = {f"{key.partition('/')[0]}/" for key in wanted if "/" in key}
        places = sorted({*MIRRORED, *VERSIONED, *folders})
        there = {one["Key"]: one for place in places for one in self._listed(place)}
        new, changed, versions = [], [], {}
        for key, file in wanted.items():
            if key not in there:
                new.append(file)
            elif not self._holds(there[key], file):
                changed.append(file)
            elif key in VERSIONED:
                versions[key] = self._version(key)
        unversioned = [key for key, version in versions.items() if version == _NO_VERSION]
        changed += [wanted[key] for key in unversioned if versions.pop(key)]
        gone = [key for key in there if key not in wanted and (key.startswith(MIRRORED) or key in VERSIONED)]
        # What ends with a slash is the console's idea of a folder.
        deleted = sorted(key for key in gone if not key.endswith("/"))
        return Sync(tuple(new), tuple(changed), tuple(deleted), versions)

    def bring(self, files: Iterable[File], sync: Sync) -> dict[str, str]:
        """Do it, in the order of `files`; the versions of VERSIONED that are there then."""
        todo = {*sync.new, *sync.changed}
        ordered = [one for one in files if one in todo]
        versions = dict(sync.versions)
        if ordered:
            with self._progress.task(f"Files to s3://{self.name}", sizes(ordered)) as task:
                for file in ordered:
                    self._upload(file, task.advance)
                    if file.key in VERSIONED:
                        versions[file.key] = self._version(file.key, file)
        self._delete([{"Key": key} for key in sync.deleted])
        return versions

    def content(self) -> Content:
        """What it holds, counted."""
        objects = versions = size = 0
        with self._progress.task(f"What is in s3://{self.name}", unit="versions") as task:
            for page in self._pages("list_object_versions"):
                there = page.get("Versions", [])
                objects += sum(one["IsLatest"] for one in there)
                size += sum(one["Size"] for one in there)
                versions += (n := len(there) + len(page.get("DeleteMarkers", [])))
                task.advance(n)
        return Content(objects, versions, len(list(self._uploads())), size)

    def remove(self) -> None:
        """Empty it, every version and unfinished upload, and delete it; nothing when it is gone."""
        for _ in range(_ROUNDS):
            try:
                self._empty()
                self._s3.delete_bucket(Bucket=self.name)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return
                if code_of(error) != "BucketNotEmpty":
                    raise
            else:
                return
        raise DeployError(
            f"Something goes on writing to s3://{self.name}. Find out what, then run this again."
        )

    def _empty(self) -> None:
        for upload in self._uploads():
            self._abort(upload)
        with self._progress.task(f"Emptying s3://{self.name}", unit="versions") as task:
            for page in self._pages("list_object_versions"):
                both = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                self._delete([{"Key": one["Key"], "VersionId": one["VersionId"]} for one in both])
                task.advance(len(both))

    def _abort(self, upload: dict[str, str]) -> None:
        try:
            self._s3.abort_multipart_upload(Bucket=self.name, **upload)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":  # it has ended meanwhile
                raise

    def _uploads(self) -> Iterator[dict[str, str]]:
        for page in self._pages("list_multipart_uploads"):
            for one in page.get("Uploads", []):
                yield {"Key": one["Key"], "UploadId": one["UploadId"]}

    def _pages(self, operation: str) -> Iterator[dict[str, Any]]:
        yield from self._s3.get_paginator(operation).paginate(Bucket=self.name)

    def _listed(self, prefix: str) -> Iterator[dict[str, Any]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            yield from page.get("Contents", [])

    def _holds(self, there: dict[str, Any], file: File) -> bool:
        if there["Size"] != file.size:
            return False
        if there["ETag"].strip('"') == file.md5:
            return True
        # The ETag of an upload in parts, or of an object that KMS encrypts, is no MD5.
        head = self._s3.head_object(Bucket=self.name, Key=file.key)
        says_md5 = "-" not in there["ETag"] and head.get("ServerSideEncryption", "AES256") == "AES256"
        return not says_md5 and head["Metadata"].get(SHA256) == file.sha256

    def _version(self, key: str, file: File | None = None) -> str:
        head = self._s3.head_object(Bucket=self.name, Key=key)
        if file and head["Metadata"].get(SHA256) != file.sha256:
            raise DeployError(
                f"Someone else deploys too: {key} in s3://{self.name} is not what was put there just now."
            )
        if head.get("VersionId", "") in ("", *([_NO_VERSION] if file else [])):
            raise DeployError(
                f"s3://{self.name} is not versioned, and MWAA takes no other bucket. Switch it on."
            )
        return str(head["VersionId"])

    def _upload(self, file: File, advance: Any) -> None:
        metadata = {SHA256: file.sha256}
        self._s3.upload_file(
            str(file.path), self.name, file.key, ExtraArgs={"Metadata": metadata}, Callback=advance
        )
        if not file.is_as_it_was:
            raise DeployError(f"{file.path} was changed while it was deployed. Run this again.")

    def _delete(self, objects: list[dict[str, str]]) -> None:
        for start in range(0, len(objects), _MOST_DELETED):
            some = objects[start : start + _MOST_DELETED]
            done = self._s3.delete_objects(Bucket=self.name, Delete={"Objects": some, "Quiet": True})
            if errors := done.get("Errors"):
                first = errors[0]
                raise DeployError(
                    f"s3://{self.name}/{first['Key']} could not be deleted: {first.get('Message', first['Code'])}"
                )
