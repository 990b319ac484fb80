import pytest

from windtunnel.aws.context import DEFAULT_ACCOUNT, request_context
from windtunnel.aws.errors import ServiceError


def signed(credential: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=abc"


def test_region_and_access_key_are_read_from_the_credential_scope() -> None:
    context = request_context(
        signed("AKIDEXAMPLE/20260131/ap-southeast-2/elasticmapreduce/aws4_request"), "id"
    )

    assert (context.region, context.access_key, context.request_id) == ("ap-southeast-2", "AKIDEXAMPLE", "id")
    assert context.account == DEFAULT_ACCOUNT


def test_access_key_of_twelve_digits_is_the_account() -> None:
    context = request_context(signed("111122223333/20260131/us-east-1/elasticmapreduce/aws4_request"), "id")

    assert context.account == "111122223333"


def test_unsigned_request_is_told_that_any_key_will_do() -> None:
    with pytest.raises(ServiceError, match="Any access key will do") as refused:
        request_context("", "id")

    assert (refused.value.code, refused.value.status) == ("MissingAuthenticationTokenException", 403)


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic dXNlcjpwYXNz",
        "Bearer Credential",
        signed("AKID/20260131/us-east-1/aws4_request"),
        signed("AKID/20260131/../elasticmapreduce/aws4_request"),
        signed("AKID/20260131/US EAST/elasticmapreduce/aws4_request"),
        signed("/20260131/us-east-1/elasticmapreduce/aws4_request"),
    ],
)
def test_header_without_a_credential_scope_is_an_incomplete_signature(authorization: str) -> None:
    with pytest.raises(ServiceError) as refused:
        request_context(authorization, "id")

    assert (refused.value.code, refused.value.status) == ("IncompleteSignatureException", 403)
