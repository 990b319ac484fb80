"""Puts this project into S3 as Amazon MWAA and EMR find it there: a versioned, private bucket, the code, the data.

Run again, it uploads only what has changed since, so it also brings a new file in data/ to the next run.
It talks to AWS_ENDPOINT_URL, else to LocalStack's own port, never to an AWS account.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

PROJECT = Path(os.environ.get("WINDTUNNEL_HOME") or Path(__file__).resolve().parents[1])
BUCKET = os.environ.get("AIRFLOW__SALARY_PIPELINE__BUCKET") or "airflow-salary-pipeline-local"
FILES = ("dags/**/*", "requirements.txt", "startup.sh", "spark/**/*", "data/*.csv")
MODIFIED = "modified"
"""The object's metadata that says which state of the file it holds."""


def s3_client() -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL") or "http://localhost:4566",
        region_name=os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID") or "test",
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY") or "test",
        # The host name <bucket>.localhost is not known everywhere.
        config=Config(s3={"addressing_style": "path"}),
    )


def make_bucket(s3: "S3Client", bucket: str) -> None:
    """The bucket as MWAA asks for it: versioned, public access blocked."""
    region: BucketLocationConstraintType = s3.meta.region_name  # type: ignore[assignment]
    try:
        if s3.meta.region_name == "us-east-1":  # which S3 refuses to be told
            s3.create_bucket(Bucket=bucket)
        else:
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )


def files(project: Path) -> Iterator[Path]:
    for pattern in FILES:
        for path in sorted(project.glob(pattern)):
            if path.is_file() and path.parent.name != "__pycache__":
                yield path


def upload(s3: "S3Client", bucket: str, key: str, file: Path) -> bool:
    """Uploads the file unless the object holds it already; says whether it did."""
    status = file.stat()
    state = {MODIFIED: f"{status.st_mtime_ns} {status.st_size}"}
    try:
        if s3.head_object(Bucket=bucket, Key=key)["Metadata"] == state:
            return False
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
    s3.upload_file(str(file), bucket, key, ExtraArgs={"Metadata": state})
    return True


def main() -> None:
    s3 = s3_client()
    make_bucket(s3, BUCKET)
    for file in files(PROJECT):
        key = file.relative_to(PROJECT).as_posix()
        if upload(s3, BUCKET, key, file):
            print(f"s3://{BUCKET}/{key}: {file.stat().st_size:,} bytes", flush=True)


if __name__ == "__main__":
    main()
