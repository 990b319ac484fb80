import pytest
from botocore.exceptions import DataNotFoundError

from windtunnel.aws.context import RequestContext
from windtunnel.aws.errors import ServiceError
from windtunnel.aws.service import Service


def answer(_: RequestContext, __: dict[str, object]) -> dict[str, object]:
    return {}


def test_handler_that_the_model_has_no_operation_for_is_an_error_at_construction() -> None:
    with pytest.raises(ValueError, match="The model of emr has no operation DescribeClutser"):
        Service("emr", {"DescribeCluster": answer, "DescribeClutser": answer}, {})


def test_refusal_that_the_model_has_no_operation_for_is_an_error_at_construction() -> None:
    with pytest.raises(ValueError, match="no operation DescribeClutser"):
        Service("emr", {}, {"DescribeClutser": "no"})


def test_operation_both_handled_and_refused_is_an_error_at_construction() -> None:
    with pytest.raises(ValueError, match="Both handled and refused: DescribeCluster"):
        Service("emr", {"DescribeCluster": answer}, {"DescribeCluster": "no"})


def test_refusal_that_the_model_does_not_have_is_an_error_at_construction() -> None:
    with pytest.raises(ValueError, match="no exception Nonsense"):
        Service("emr", {}, {}, refusal_code="Nonsense")


def test_name_that_botocore_does_not_know_is_an_error_at_construction() -> None:
    with pytest.raises(DataNotFoundError):
        Service("elasticmapreduce", {}, {})


def test_each_operation_of_the_model_is_handled_refused_or_named_as_not_implemented() -> None:
    service = Service("emr", {"DescribeCluster": answer}, {"CreateStudio": "studios need AWS."})

    assert service.handler("DescribeCluster") is answer
    for operation in set(service.model.operation_names) - {"DescribeCluster"}:
        with pytest.raises(ServiceError, match=f"{operation} is not implemented by windtunnel") as refused:
            service.handler(operation)
        assert (refused.value.code, refused.value.status) == ("InvalidRequestException", 400)
        assert refused.value.message.endswith("studios need AWS.") == (operation == "CreateStudio")


def test_own_failure_has_the_name_that_the_model_gives_it() -> None:
    assert Service("emr", {}, {}).internal_error == "InternalServerError"
