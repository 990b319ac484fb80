"""The operations on what an account has in a region beside its clusters: kept and shown, nothing is enforced."""

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from windtunnel.aws.service import RequestContext
from windtunnel.emr import store
from windtunnel.emr.errors import invalid_request
from windtunnel.emr.operations.operation import Operation
from windtunnel.emr.operations.pages import newest_first
from windtunnel.emr.operations.views import moment
from windtunnel.emr.schema import BlockPublicAccess, SecurityConfiguration
from windtunnel.emr.store import Store

DEFAULT_BLOCK: Mapping[str, Any] = {
    "BlockPublicSecurityGroupRules": True,
    "PermittedPublicSecurityGroupRuleRanges": [{"MinRange": 22, "MaxRange": 22}],
}
"""What an account has that never changed it."""
PORTS = range(65536)


def get_block_public_access(db: Store, context: RequestContext, _: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_GetBlockPublicAccessConfiguration.html"""
    with db.reading() as session:
        row = store.find_block_public_access(session, context.account, context.region)
        return {
            "BlockPublicAccessConfiguration": row.configuration if row else DEFAULT_BLOCK,
            "BlockPublicAccessConfigurationMetadata": {
                "CreationDateTime": moment(row.changed_at if row else 0),
                "CreatedByArn": f"arn:aws:iam::{context.account}:root",
            },
        }


def put_block_public_access(db: Store, context: RequestContext, request: dict[str, Any]) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_PutBlockPublicAccessConfiguration.html"""
    configuration = request["BlockPublicAccessConfiguration"]
    for ports in configuration.get("PermittedPublicSecurityGroupRuleRanges") or []:
        first, last = ports["MinRange"], ports.get("MaxRange", ports["MinRange"])
        if first not in PORTS or last not in PORTS or first > last:
            raise invalid_request(f"The port range {first} to {last} is invalid.")
    with db.transaction() as session:
        row = store.find_block_public_access(session, context.account, context.region)
        if row is None:
            row = BlockPublicAccess(account=context.account, region=context.region)
            session.add(row)
        row.configuration, row.changed_at = configuration, time.time()
    return {}


def create_security_configuration(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_CreateSecurityConfiguration.html"""
    name, document = request["Name"], request["SecurityConfiguration"]
    if not name:
        raise invalid_request("Give the Name of the security configuration.")
    _check_json(document)
    with db.transaction() as session:
        if store.find_security_configuration(session, context.account, context.region, name):
            raise invalid_request(f"A security configuration with name '{name}' already exists.")
        made = SecurityConfiguration(
            account=context.account,
            region=context.region,
            name=name,
            document=document,
            created_at=time.time(),
        )
        session.add(made)
        return {"Name": name, "CreationDateTime": moment(made.created_at)}


def describe_security_configuration(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_DescribeSecurityConfiguration.html"""
    with db.reading() as session:
        row = _get_security_configuration(session, context, request["Name"])
        created = moment(row.created_at)
        return {"Name": row.name, "SecurityConfiguration": row.document, "CreationDateTime": created}


def list_security_configurations(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_ListSecurityConfigurations.html"""
    kind = SecurityConfiguration
    rows = select(kind).where(kind.account == context.account, kind.region == context.region)
    with db.reading() as session:
        page, marker = newest_first(session, rows, kind.number, request.get("Marker"))
        shown = [{"Name": row.name, "CreationDateTime": moment(row.created_at)} for row in page]
        return {"SecurityConfigurations": shown, **marker}


def delete_security_configuration(
    db: Store, context: RequestContext, request: dict[str, Any]
) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/emr/latest/APIReference/API_DeleteSecurityConfiguration.html"""
    with db.transaction() as session:
        session.delete(_get_security_configuration(session, context, request["Name"]))
    return {}


def _check_json(document: str) -> None:
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise invalid_request("The SecurityConfiguration is invalid: it must be a JSON object.")


def _get_security_configuration(
    session: Session, context: RequestContext, name: str
) -> SecurityConfiguration:
    row = store.find_security_configuration(session, context.account, context.region, name)
    if row is None:
        raise invalid_request(f"Security configuration with name '{name}' does not exist.")
    return row


OPERATIONS: Mapping[str, Operation] = {
    "GetBlockPublicAccessConfiguration": get_block_public_access,
    "PutBlockPublicAccessConfiguration": put_block_public_access,
    "CreateSecurityConfiguration": create_security_configuration,
    "DescribeSecurityConfiguration": describe_security_configuration,
    "ListSecurityConfigurations": list_security_configurations,
    "DeleteSecurityConfiguration": delete_security_configuration,
}
