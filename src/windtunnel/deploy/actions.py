"""Which permissions of IAM a call to AWS needs: an action, on a resource, with what its conditions may ask about.

By AWS's service authorization reference. Most calls have the name of their action; what has not stands here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

import botocore.session
from botocore.exceptions import UnknownServiceError

from windtunnel.stack.calls import Call


@dataclass(frozen=True)
class Need:
    """One permission; `resource` is an ARN, "*" where the action takes none, None where it is not known."""

    action: str
    resource: str | None
    context: Mapping[str, str] = field(default_factory=dict)
    """What conditions may ask about, by key."""


@dataclass(frozen=True)
class Place:
    """The account on AWS that a call seen here would be made in, and what things are called there."""

    account: str
    region: str
    names: Mapping[str, str] = field(default_factory=dict)
    """What differs: a name here to the one there."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """By the member of RunJobFlow's request that names it, the ARN of the role there."""
    tags: Mapping[str, str] | None = None
    """Those of the pipeline's clusters there; None when nobody knows."""

    def name(self, here: str) -> str:
        return self.names.get(here, here)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


BUCKET, OBJECT, SOURCE, NOTHING = "bucket", "object", "source", "*"
"""What an action on S3 is on: the call's bucket, its object, the object that it copies, nothing that has a name."""

S3 = {
    "HeadObject": [("s3:GetObject", OBJECT)],
    "SelectObjectContent": [("s3:GetObject", OBJECT)],
    "CopyObject": [("s3:GetObject", SOURCE), ("s3:PutObject", OBJECT)],
    "UploadPartCopy": [("s3:GetObject", SOURCE), ("s3:PutObject", OBJECT)],
    "CreateMultipartUpload": [("s3:PutObject", OBJECT)],
    "UploadPart": [("s3:PutObject", OBJECT)],
    "CompleteMultipartUpload": [("s3:PutObject", OBJECT)],
    "ListParts": [("s3:ListMultipartUploadParts", OBJECT)],
    "DeleteObjects": [("s3:DeleteObject", OBJECT)],
    "RenameObject": [("s3:GetObject", SOURCE), ("s3:DeleteObject", SOURCE), ("s3:PutObject", OBJECT)],
    "GetObjectAttributes": [("s3:GetObject", OBJECT), ("s3:GetObjectAttributes", OBJECT)],
    "HeadBucket": [("s3:ListBucket", BUCKET)],
    "ListObjects": [("s3:ListBucket", BUCKET)],
    "ListObjectsV2": [("s3:ListBucket", BUCKET)],
    "ListObjectVersions": [("s3:ListBucketVersions", BUCKET)],
    "ListMultipartUploads": [("s3:ListBucketMultipartUploads", BUCKET)],
    "ListBuckets": [("s3:ListAllMyBuckets", NOTHING)],
    "ListDirectoryBuckets": [("s3express:ListAllMyDirectoryBuckets", NOTHING)],
    "CreateSession": [("s3express:CreateSession", BUCKET)],
    "WriteGetObjectResponse": [("s3-object-lambda:WriteGetObjectResponse", NOTHING)],
    "DeleteBucketOwnershipControls": [("s3:PutBucketOwnershipControls", BUCKET)],
    "DeleteBucketTagging": [("s3:PutBucketTagging", BUCKET)],
    "GetBucketNotificationConfiguration": [("s3:GetBucketNotification", BUCKET)],
    "PutBucketNotificationConfiguration": [("s3:PutBucketNotification", BUCKET)],
    "GetObjectLockConfiguration": [("s3:GetBucketObjectLockConfiguration", BUCKET)],
    "PutObjectLockConfiguration": [("s3:PutBucketObjectLockConfiguration", BUCKET)],
    "GetBucketCors": [("s3:GetBucketCORS", BUCKET)],
    "PutBucketCors": [("s3:PutBucketCORS", BUCKET)],
    "DeleteBucketCors": [("s3:PutBucketCORS", BUCKET)],
    "GetBucketLifecycle": [("s3:GetLifecycleConfiguration", BUCKET)],
    "PutBucketLifecycle": [("s3:PutLifecycleConfiguration", BUCKET)],
    "DeleteBucketLifecycle": [("s3:PutLifecycleConfiguration", BUCKET)],
    "GetBucketLifecycleConfiguration": [("s3:GetLifecycleConfiguration", BUCKET)],
    "PutBucketLifecycleConfiguration": [("s3:PutLifecycleConfiguration", BUCKET)],
    "GetBucketAccelerateConfiguration": [("s3:GetAccelerateConfiguration", BUCKET)],
    "PutBucketAccelerateConfiguration": [("s3:PutAccelerateConfiguration", BUCKET)],
    "GetPublicAccessBlock": [("s3:GetBucketPublicAccessBlock", BUCKET)],
    "PutPublicAccessBlock": [("s3:PutBucketPublicAccessBlock", BUCKET)],
    "DeletePublicAccessBlock": [("s3:PutBucketPublicAccessBlock", BUCKET)],
    **{
        f"{verb}Bucket{kind}{end}": [(f"s3:{'Put' if verb == 'Delete' else verb}{kind}Configuration", BUCKET)]
        for kind, end in (("Encryption", ""), ("Replication", ""))
        for verb in ("Get", "Put", "Delete")
    },
    **{
        name: [(f"s3:{'Put' if verb in ('Delete', 'Put') else 'Get'}{kind}Configuration", BUCKET)]
        for kind in ("Analytics", "Inventory", "Metrics", "IntelligentTiering")
        for verb in ("Get", "Put", "Delete", "List")
        for name in [f"{verb}Bucket{kind}Configuration{'s' if verb == 'List' else ''}"]
    },
    **{
        f"{verb}BucketMetadataConfiguration": [(f"s3:{verb}BucketMetadataTableConfiguration", BUCKET)]
        for verb in ("Get", "Delete", "Create")
    },
}
"""Operations of S3 whose action has another name, or which need more than one."""

S3_BY_MEMBER = {
    "VersionId": {
        "GetObject": "GetObjectVersion",
        "HeadObject": "GetObjectVersion",
        "DeleteObject": "DeleteObjectVersion",
    },
    "Tagging": {"PutObject": "PutObjectTagging", "CreateMultipartUpload": "PutObjectTagging"},
    "ACL": {
        "PutObject": "PutObjectAcl",
        "CreateMultipartUpload": "PutObjectAcl",
        "CopyObject": "PutObjectAcl",
    },
}
"""What an operation needs besides when its request has the member."""

EMR_WITHOUT_RESOURCE = frozenset(
    {
        *(
            "RunJobFlow",
            "ListClusters",
            "DescribeReleaseLabel",
            "ListReleaseLabels",
            "ListSupportedInstanceTypes",
        ),
        *("CreateSecurityConfiguration", "DeleteSecurityConfiguration", "DescribeSecurityConfiguration"),
        *(
            "ListSecurityConfigurations",
            "GetBlockPublicAccessConfiguration",
            "PutBlockPublicAccessConfiguration",
        ),
        *("CreateStudio", "ListStudios", "ListStudioSessionMappings", "ListNotebookExecutions"),
    }
)
EMR_IMPLIED = {
    "Tags": "AddTags",
    "AutoTerminationPolicy": "PutAutoTerminationPolicy",
    "ManagedScalingPolicy": "PutManagedScalingPolicy",
}
"""By member of RunJobFlow's request, the action that EMR asks for besides."""
EMR_PASSED = {
    "ServiceRole": "elasticmapreduce.amazonaws.com",
    "JobFlowRole": "ec2.amazonaws.com",
    "AutoScalingRole": "application-autoscaling.amazonaws.com",
}
"""By member of RunJobFlow's request, the service that the role is passed to."""

FREE = frozenset({("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")})
"""Calls that need no permission."""
RENAMED = {
    ("sqs", "SendMessageBatch"): "sqs:SendMessage",
    ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "sqs:ChangeMessageVisibility",
    ("sns", "PublishBatch"): "sns:Publish",
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("secretsmanager", "BatchGetSecretValue"): "secretsmanager:GetSecretValue",
}
PREFIXES = {"cloudwatch": "cloudwatch", "resourcegroupstaggingapi": "tag"}
"""Services whose actions begin otherwise than their requests are signed."""
RESOURCES = {
    "sqs": ("QueueUrl", "{last}"),
    "secretsmanager": ("SecretId", "secret:{whole}-??????"),
    "ssm": ("Name", "parameter/{path}"),
    "dynamodb": ("TableName", "table/{whole}"),
    "logs": ("logGroupName", "log-group:{whole}:*"),
    "lambda": ("FunctionName", "function:{whole}"),
}
"""By service, the member that names what is touched, and how an ARN has it."""


def needs(call: Call, place: Place) -> list[Need]:
    """The permissions that this call would need on AWS, in `place`."""
    if call.service == "s3":
        return _s3(call, place)
    if call.service == "emr":
        return _emr(call, place)
    if (call.service, call.operation) in FREE:
        return []
    renamed = RENAMED.get((call.service, call.operation))
    return [Need(renamed or f"{_prefix(call.service)}:{call.operation}", _other_resource(call, place))]


def _s3(call: Call, place: Place) -> list[Need]:
    known = S3.get(call.operation) or [(f"s3:{call.operation}", OBJECT if "Key" in call.resource else BUCKET)]
    more = [
        (f"s3:{by_operation[call.operation]}", OBJECT)
        for member, by_operation in S3_BY_MEMBER.items()
        if member in call.members and call.operation in by_operation
    ]
    bucket, key = place.name(call.resource.get("Bucket", "")), call.resource.get("Key", "")
    source_bucket, _, source_key = call.resource.get("CopySource", "").lstrip("/").partition("/")
    arns = {
        BUCKET: f"arn:aws:s3:::{bucket}",
        OBJECT: f"arn:aws:s3:::{bucket}/{key}",
        SOURCE: f"arn:aws:s3:::{place.name(source_bucket)}/{source_key.partition('?')[0]}",
        NOTHING: "*",
    }
    return [Need(action, arns[kind], {"aws:SecureTransport": "true"}) for action, kind in (*known, *more)]


def _emr(call: Call, place: Place) -> list[Need]:
    clusters = place.arn("elasticmapreduce", "cluster/{}")
    tags = {f"aws:RequestTag/{key}": value for key, value in (place.tags or {}).items()}
    of_cluster = {
        f"{prefix}:ResourceTag/{key}": value
        for key, value in (place.tags or {}).items()
        for prefix in ("aws", "elasticmapreduce")
    }
    action = f"elasticmapreduce:{call.operation}"
    if call.operation != "RunJobFlow":
        if call.operation in EMR_WITHOUT_RESOURCE:
            return [Need(action, "*")]
        cluster = call.resource.get("ClusterId") or call.resource.get("JobFlowId")
        return [Need(action, clusters.format(cluster) if cluster else None, of_cluster)]
    implied = [EMR_IMPLIED[member] for member in call.members if member in EMR_IMPLIED]
    passed = [
        Need("iam:PassRole", place.roles.get(member), {"iam:PassedToService": service})
        for member, service in EMR_PASSED.items()
        if member in place.roles or member in call.members
    ]
    new = clusters.format("j-NEW")
    return [
        Need(action, "*", tags),
        *(Need(f"elasticmapreduce:{one}", new, tags) for one in implied),
        *passed,
    ]


def _other_resource(call: Call, place: Place) -> str | None:
    member, form = RESOURCES.get(call.service, ("", ""))
    named = place.name(call.resource.get(member, ""))
    if arn := next((value for value in (named, *call.resource.values()) if value.startswith("arn:")), None):
        # LocalStack's account and region are not those on AWS.
        parts = arn.split(":", 5)
        return ":".join([*parts[:3], parts[3] and place.region, parts[4] and place.account, *parts[5:]])
    if not named:
        return None
    written = form.format(whole=named, last=named.rpartition("/")[2], path=named.lstrip("/"))
    return place.arn(_prefix(call.service), written)


@cache
def _prefix(service: str) -> str:
    if service in PREFIXES:
        return PREFIXES[service]
    try:
        return str(botocore.session.get_session().get_service_model(service).signing_name)
    except UnknownServiceError:
        return service


def merged(found: Iterable[Need]) -> list[Need]:
    """Each once, in the order of the first."""
    once: dict[tuple[str, str | None], Need] = {}
    for need in found:
        once.setdefault((need.action, need.resource), need)
    return list(once.values())
