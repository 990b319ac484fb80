"""Who asks, and for which region: read from the signature's credential scope, as AWS's own front ends do."""

import re
from dataclasses import dataclass

from windtunnel.aws.errors import ServiceError

DEFAULT_ACCOUNT = "000000000000"

_CREDENTIAL = re.compile(
    r"\bCredential=(?P<access_key>[^\s/,]{1,128})/\d{8}/(?P<region>[a-z0-9-]{1,64})/[a-z0-9-]{1,64}/aws4_request"
)
_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What an operation may know of its request beside the parameters."""

    region: str
    account: str
    request_id: str
    access_key: str


def request_context(authorization: str, request_id: str) -> RequestContext:
    """The context of a request with this Authorization header.

    The signature is not verified: whoever reaches this port may use it. An access key of twelve
    digits is taken as the account, as LocalStack does, so that both agree on a bucket's owner.
    Raises ServiceError where the header is missing or is no Signature Version 4.
    """
    if not authorization:
        raise ServiceError(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token: the request is not signed. Any access key will do; the SDKs sign"
            " with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            403,
        )
    found = _CREDENTIAL.search(authorization)
    if not found:
        raise ServiceError(
            "IncompleteSignatureException",
            "The Authorization header has no credential scope of Signature Version 4:"
            " Credential=<access key>/<date>/<region>/<service>/aws4_request.",
            403,
        )
    access_key = found["access_key"]
    account = access_key if _ACCOUNT.fullmatch(access_key) else DEFAULT_ACCOUNT
    return RequestContext(found["region"], account, request_id, access_key)
