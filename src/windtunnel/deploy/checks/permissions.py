"""Rule `permission`: the roles of the templates against what the DAGs were seen to call when they ran here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windtunnel.deploy.actions import EMR_PASSED, Need, Place, merged, needs
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.dags import LoadedDags
from windtunnel.deploy.findings import Finding, Level
from windtunnel.deploy.infra import ENVIRONMENT, FOUNDATION, Infra
from windtunnel.deploy.policies import Role, Statement, fits, fits_action, roles_of
from windtunnel.deploy.template import Resolved, line_of
from windtunnel.stack.calls import Call, code_digest, saved
from windtunnel.stack.environment import Principal

RULES = ("permission",)
(RULE,) = RULES
SHOWN = 3
"""So many resources of one action are named."""
QUEUES_ACCOUNT = "000000000000"
"""Stands for MWAA's own account, which has the queue of Celery and its key."""
SOMETIMES = {
    "s3:AbortMultipartUpload": "an upload of several parts fails",
    "s3:ListMultipartUploadParts": "an upload of several parts is taken up again",
    "s3:ListBucketMultipartUploads": "uploads that were left are looked for",
    "s3:GetBucketLocation": "a client was not told a region",
    "iam:CreateServiceLinkedRole": "it is the account's first cluster",
}
"""What is called only when this is so: not seen in a run, and no needless permission all the same."""


@dataclass(frozen=True)
class Seen:
    """One DAG: the calls of its last run here, and the RunJobFlow requests that it would send on AWS."""

    dag_id: str
    calls: Sequence[Call]
    requests: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Demand:
    """One permission that a role needs, and what for, in words."""

    need: Need
    why: str


def findings(subject: Subject) -> Iterator[Finding]:
    """What the roles lack and what they have without need, by the last recorded run of each DAG."""
    if subject.infra is None or (loaded := subject.dags()) is None:
        return  # that is told by other rules; which DAGs there are, and their requests, are not known
    recordings = {dag_id: one for dag_id, one in saved(subject.settings).items() if dag_id in loaded.dags}
    code = code_digest(subject.folder)
    seen = [Seen(dag_id, one.calls, _requests(loaded, dag_id)) for dag_id, one in recordings.items()]
    yield from permissions(subject.infra, seen)
    for dag_id, one in recordings.items():
        if one.code != code:
            why = (
                f"The calls of {dag_id} were recorded on {one.began:%d %B %H:%M}, before the project's code "
                f"was changed."
            )
            yield _unknown(why, "warning", f"Run `make run` (or `windtunnel run --dag {dag_id}`) again.")
        elif not one.succeeded:
            why = f"The recorded run of {dag_id} failed, so that it may not have called all that it needs."
            yield _unknown(why, "warning", f"Have it succeed: `windtunnel run --dag {dag_id}`.")
        if not one.s3:
            why = f"{dag_id} ran over an S3 that is not LocalStack's, so that no calls to S3 were recorded."
            yield _unknown(why, "note", "Run it without WINDTUNNEL_AWS_ENDPOINT_URL.")


def _requests(loaded: LoadedDags, dag_id: str) -> list[Mapping[str, Any]]:
    """The RunJobFlow requests that a DAG would send on AWS, but for those that only a run renders."""
    return [
        one.request for one in loaded.requests if one.dag_id == dag_id and isinstance(one.request, Mapping)
    ]


def permissions(infra: Infra, seen: Sequence[Seen]) -> Iterator[Finding]:
    """The same, of calls and requests that are known."""
    if infra.foundation is None:
        yield _unknown(f"There is no {FOUNDATION}, so that the roles are not known here.")
        return
    roles = roles_of(infra.foundation)
    execution = str(infra.mwaa.get("ExecutionRoleArn", ""))
    demands: dict[str, list[Demand]] = {execution: _mwaa(infra)}
    if execution not in roles:
        yield _unknown(f"The execution role of {ENVIRONMENT} is none of {FOUNDATION}.")
    if not any(one.calls for one in seen):
        why = "No run of a DAG was recorded, so that the roles are only held against MWAA's own needs."
        yield _unknown(why, "warning", "Run the pipeline here first: `make run`.")
    for one in seen:
        place = place_of(infra, one.requests)
        of_nodes = _nodes_role(infra.foundation, one.requests)
        if of_nodes not in roles and any(call.principal == Principal.STEPS for call in one.calls):
            yield _unknown(
                f"The nodes of the clusters of {one.dag_id} have a role that is none of {FOUNDATION}."
            )
        for call in one.calls:
            if call.principal in CALLERS:
                role = execution if call.principal == Principal.AIRFLOW else of_nodes
                demands.setdefault(role, []).extend(_of_call(one.dag_id, call, place))
    for arn, wanted in demands.items():
        if role_there := roles.get(arn):
            used: set[Grant] = set()
            yield from _missing(infra, role_there, wanted, used)
            if any(one.calls for one in seen):
                yield from _needless(infra, role_there, used)


CALLERS = {Principal.AIRFLOW: "Airflow", Principal.EMR: "EMR", Principal.STEPS: "a step"}
"""Who calls, by the access key, in words."""


def place_of(infra: Infra, requests: Sequence[Mapping[str, Any]]) -> Place:
    """Where a DAG with these requests would run."""
    here, there = infra.project.mwaa.configuration_options, infra.options
    names = {here[name]: value for name, value in there.items() if here.get(name) not in (None, "", value)}
    stack = infra.foundation or infra.environment
    roles = {
        member: role
        for member in EMR_PASSED
        for request in requests
        if (role := _role_arn(stack, member, str(request.get(member, ""))))
    }
    return Place(stack.account, stack.region, names, roles, _tags(requests))


def _tags(requests: Sequence[Mapping[str, Any]]) -> dict[str, str] | None:
    """Of the clusters; None where there is no request, or one whose tags only a run renders."""
    given = [request.get("Tags") or [] for request in requests]
    if not given or not all(isinstance(one, list) for one in given):
        return None
    return {tag["Key"]: tag["Value"] for tags in given for tag in tags if isinstance(tag, Mapping)}


def _role_arn(stack: Resolved, member: str, named: str) -> str:
    """The ARN of the role that RunJobFlow's request names; JobFlowRole names an instance profile."""
    if not named or named.startswith("arn:"):
        return named
    if member == "JobFlowRole":
        for name, properties in stack.of_type("AWS::IAM::InstanceProfile").items():
            if named == stack.attributes.get(name, name):
                named = properties["Roles"][0]
    for name in stack.of_type("AWS::IAM::Role"):
        if named == stack.attributes.get(name, name):
            return stack.attributes[f"{name}.Arn"]
    return f"arn:aws:iam::{stack.account}:role/{named}"


def _nodes_role(stack: Resolved, requests: Sequence[Mapping[str, Any]]) -> str:
    """Empty when no request names one."""
    named = [str(request["JobFlowRole"]) for request in requests if request.get("JobFlowRole")]
    return _role_arn(stack, "JobFlowRole", named[0]) if named else ""


def _of_call(dag_id: str, call: Call, place: Place) -> Iterable[Demand]:
    why = (
        f"{CALLERS[Principal(call.principal)]} called {call.service}:{call.operation} when {dag_id} ran here"
    )
    return [Demand(need, why) for need in merged(needs(call, place))]


def _mwaa(infra: Infra) -> list[Demand]:
    """What an environment does by itself, by MWAA's documentation.

    https://docs.aws.amazon.com/mwaa/latest/userguide/mwaa-create-role.html
    """
    mwaa, stack = infra.mwaa, infra.environment
    place = Place(stack.account, stack.region)
    name, bucket = mwaa["Name"], mwaa["SourceBucketArn"]
    of_queue = {"kms:ViaService": f"sqs.{stack.region}.amazonaws.com"}
    queue = f"arn:aws:sqs:{stack.region}:{QUEUES_ACCOUNT}:airflow-celery-1"
    key = f"arn:aws:kms:{stack.region}:{QUEUES_ACCOUNT}:key/1"
    files = [f"{mwaa['DagS3Path'].strip('/')}/dag.py", "requirements.txt", "plugins.zip", "startup.sh"]
    documented = {
        place.arn("airflow", f"environment/{name}"): ["airflow:PublishMetrics"],
        "*": ["cloudwatch:PutMetricData", "s3:GetAccountPublicAccessBlock", "logs:DescribeLogGroups"],
        bucket: ["s3:GetBucket*", "s3:List*"],
        **{f"{bucket}/{file}": ["s3:GetObject*"] for file in files},
        place.arn("logs", f"log-group:airflow-{name}-Task:log-stream:1"): [
            f"logs:{one}"
            for one in (
                *("CreateLogStream", "CreateLogGroup", "PutLogEvents", "GetLogEvents", "GetLogRecord"),
                *("GetLogGroupFields", "GetQueryResults"),
            )
        ],
        queue: [
            f"sqs:{one}"
            for one in (
                *("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"),
                *("ReceiveMessage", "SendMessage"),
            )
        ],
        key: [f"kms:{one}" for one in ("Decrypt", "DescribeKey", "GenerateDataKey*", "Encrypt")],
    }
    why = "MWAA's documentation asks for it"
    return [
        Demand(Need(action, resource, of_queue if action.startswith("kms:") else {}), why)
        for resource, actions in documented.items()
        for action in actions
    ]


Grant = tuple[tuple[str | int, ...], str, str]
"""One action on one resource, as a statement (by its keys in the template) has them."""


def _missing(infra: Infra, role: Role, demands: Iterable[Demand], used: set[Grant]) -> list[Finding]:
    """What the role does not allow; what does allow the rest goes into `used`."""
    refused: dict[str, list[Demand]] = {}
    for demand in demands:
        allowing = role.allowing(demand.need)
        for statement in allowing:
            used.update(_grants(statement, demand.need))
        if not allowing:
            refused.setdefault(demand.need.action, []).append(demand)
    return [_missing_one(infra, role, action, those) for action, those in refused.items()]


def _missing_one(infra: Infra, role: Role, action: str, demands: Sequence[Demand]) -> Finding:
    first = demands[0]
    resources = list(dict.fromkeys(one.need.resource or "what it names" for one in demands))
    more = f" and {len(resources) - SHOWN} more" if len(resources) > SHOWN else ""
    on = f"{', '.join(resources[:SHOWN])}{more}"
    return _finding(
        infra,
        ("Resources", role.name, "Properties", "Policies"),
        why=f"{role.name} {role.refusal(first.need)}: {action} on {on}. {first.why}.",
        mend=f"Allow {action} there in a policy of {role.name}, or leave the call out.",
        # A managed policy may allow it: its content is AWS's or the account's.
        level="warning" if role.managed else "error",
    )


def _grants(statement: Statement, need: Need) -> Iterable[Grant]:
    for action in statement.actions:
        if fits_action(need.action, action):
            for resource in statement.resources or [""]:
                if not resource or need.resource is None or fits(need.resource, resource):
                    yield statement.keys, action, resource


def _needless(infra: Infra, role: Role, used: set[Grant]) -> Iterator[Finding]:
    for one in role.statements:
        if not one.allows or "NotAction" in one.content:
            continue
        mine = [grant for grant in used if grant[0] == one.keys]
        seen = {action for _, action, _ in mine} | SOMETIMES.keys()
        never = [action for action in one.actions if action not in seen]
        unseen = [
            resource for resource in one.resources if resource not in {resource for _, _, resource in mine}
        ]
        if never:
            yield _needless_one(infra, role, one, ", ".join(never), "Take it out of the statement")
        elif unseen and len(unseen) < len(one.resources):
            what = f"{', '.join(one.actions)} on {', '.join(unseen)}"
            yield _needless_one(infra, role, one, what, "Take the resource out of the statement")


def _needless_one(infra: Infra, role: Role, statement: Statement, what: str, mend: str) -> Finding:
    return _finding(
        infra,
        statement.keys,
        why=f"{role.name} may {what}, which no recorded run of a DAG called: whoever gets in there has it too.",
        mend=f"{mend}, or run here what needs it.",
        level="warning",
    )


def _finding(infra: Infra, keys: Sequence[str | int], why: str, mend: str, level: Level) -> Finding:
    """At what the keys lead to in the template; its line is only looked for when there is something to say."""
    line = line_of(infra.project.folder / FOUNDATION, *keys)
    return Finding(str(FOUNDATION), line, RULE, why, mend, level)


def _unknown(
    why: str, level: Level = "note", mend: str = "Hold your own roles against the calls yourself."
) -> Finding:
    return Finding(str(FOUNDATION), 0, RULE, why, mend, level)
