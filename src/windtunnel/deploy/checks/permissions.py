"""The roles of the templates against what the pipeline was seen to call: what is missing, what nobody needs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windtunnel.deploy.actions import EMR_PASSED, Need, Place, merged, needs
from windtunnel.deploy.findings import Finding
from windtunnel.deploy.infra import ENVIRONMENT, FOUNDATION, Infra
from windtunnel.deploy.policies import Role, Statement, fits, fits_action, roles_of
from windtunnel.deploy.template import Resolved, line_of
from windtunnel.stack.calls import Call
from windtunnel.stack.environment import Principal

RULE = "permission"
SHOWN = 3
"""So many resources of one action are named."""
QUEUES_ACCOUNT = "000000000000"
"""Stands for MWAA's own account, which has the queue of Celery and its key."""
SOMETIMES = {
    "s3:AbortMultipartUpload": "it is called when an upload of several parts fails",
    "s3:ListMultipartUploadParts": "it is called when an upload of several parts is taken up again",
    "s3:ListBucketMultipartUploads": "it is called when uploads that were left are looked for",
    "s3:GetBucketLocation": "clients that are not told a region ask for it",
    "iam:CreateServiceLinkedRole": "the first cluster of an account calls it",
}
"""What a run need not show, and when it does."""


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


def permissions(infra: Infra, seen: Sequence[Seen]) -> list[Finding]:
    """What the roles in the templates lack, and what they have without need."""
    if infra.foundation is None:
        return [_unknown(f"There is no {FOUNDATION}, so that the roles are not known here.")]
    roles = roles_of(infra.foundation)
    found: list[Finding] = []
    demands: dict[str, list[Demand]] = {}
    execution = str(infra.mwaa.get("ExecutionRoleArn", ""))
    if execution in roles:
        demands[execution] = _mwaa(infra)
    else:
        found.append(_unknown(f"The execution role of {ENVIRONMENT} is none of {FOUNDATION}."))
    if not any(one.calls for one in seen):
        found.append(
            _unknown(
                "No run of a DAG was recorded, so that only MWAA's own needs are known.",
                "warning",
                "`make run`",
            )
        )
    for one in seen:
        place = place_of(infra, one.requests)
        of_nodes = _nodes_role(infra.foundation, one.requests)
        for call in one.calls:
            role = execution if call.principal == Principal.AIRFLOW else of_nodes
            if call.principal in CALLERS and role in roles:
                demands.setdefault(role, []).extend(_of_call(one.dag_id, call, place))
    for arn, wanted in demands.items():
        used: set[Grant] = set()
        found += _missing(infra, roles[arn], wanted, used)
        if any(one.calls for one in seen):
            found += _needless(infra, roles[arn], used)
    return found


CALLERS = {Principal.AIRFLOW: "Airflow", Principal.EMR: "EMR", Principal.STEPS: "a step"}
"""Who calls, by the access key, in words."""


def place_of(infra: Infra, requests: Sequence[Mapping[str, Any]]) -> Place:
    """Where a DAG with these requests would run."""
    here, there = infra.project.mwaa.configuration_options, infra.options
    names = {here[name]: value for name, value in there.items() if here.get(name) not in (None, "", value)}
    tags = {tag["Key"]: tag["Value"] for request in requests for tag in request.get("Tags", ())}
    stack = infra.foundation or infra.environment
    roles = {
        member: role
        for member in EMR_PASSED
        for request in requests
        if (role := _role_arn(stack, member, str(request.get(member, ""))))
    }
    return Place(stack.account, stack.region, names, roles, tags if requests else None)


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
    line = line_of(infra.project.folder / FOUNDATION, "Resources", role.name, "Properties", "Policies")
    return [_missing_one(role, action, those, line) for action, those in refused.items()]


def _missing_one(role: Role, action: str, demands: Sequence[Demand], line: int) -> Finding:
    first = demands[0]
    resources = list(dict.fromkeys(one.need.resource or "what it names" for one in demands))
    more = f" and {len(resources) - SHOWN} more" if len(resources) > SHOWN else ""
    on = f"{', '.join(resources[:SHOWN])}{more}"
    return Finding(
        file=str(FOUNDATION),
        line=line,
        rule=RULE,
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


def _needless(infra: Infra, role: Role, used: set[Grant]) -> list[Finding]:
    path = infra.project.folder / FOUNDATION
    found = []
    for one in role.statements:
        if not one.allows or "NotAction" in one.content:
            continue
        mine = [grant for grant in used if grant[0] == one.keys]
        idle = [action for action in one.actions if action not in {action for _, action, _ in mine}]
        unseen = [
            resource for resource in one.resources if resource not in {resource for _, _, resource in mine}
        ]
        never = [action for action in idle if action not in SOMETIMES]
        line = line_of(path, *one.keys)
        if never:
            found.append(_needless_one(role, line, f"{', '.join(never)}", "Take it out of the statement"))
        elif unseen and len(unseen) < len(one.resources):
            what = f"{', '.join(one.actions)} on {', '.join(unseen)}"
            found.append(_needless_one(role, line, what, "Take the resource out of the statement"))
        for action in [action for action in idle if action in SOMETIMES]:
            why = f"{role.name} may {action}, which no run called: {SOMETIMES[action]}."
            found.append(Finding(str(FOUNDATION), line, RULE, why, "Nothing need be done.", "note"))
    return found


def _needless_one(role: Role, line: int, what: str, mend: str) -> Finding:
    return Finding(
        file=str(FOUNDATION),
        line=line,
        rule=RULE,
        why=f"{role.name} may {what}, which no recorded run of a DAG called: whoever gets in there has it too.",
        mend=f"{mend}, or run here what needs it.",
        level="warning",
    )


def _unknown(why: str, level: Any = "note", mend: str = "") -> Finding:
    return Finding(
        file=str(FOUNDATION),
        line=0,
        rule=RULE,
        why=why,
        mend=f"Run {mend} first." if mend else "Hold the roles of your own against the calls yourself.",
        level=level,
    )
