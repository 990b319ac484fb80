"""Whatever form a request takes that the model allows, it is answered; nothing that is sent is a failure of ours."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emr import Emr, step
from windtunnel.aws.service import load_model
from windtunnel.emr.operations import OPERATIONS

MODEL = load_model("emr")
CLUSTER_MEMBERS = ("ClusterId", "JobFlowId", "ResourceId")
WORDS = [
    "",
    "\x00",
    "x" * 300,
    "emr-7.13.0",
    "m5.xlarge",
    "command-runner.jar",
    "spark-env",
    "export",
    "Spark",
]
DEEPEST = 6
LEAVES: dict[str, st.SearchStrategy[Any]] = {"boolean": st.booleans(), "timestamp": st.datetimes()}
NUMBERS = [-1, 0, 1, 2, 25, 256, 2**31 - 1]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client that sends what it is given, to a service with one cluster, of which nothing runs."""
    emr = Emr(tmp_path_factory.mktemp("emr"), {})
    emr.reconciler.halt()
    emr.run(step("true"))
    yield emr.client_of(parameter_validation=False)
    emr.crash()


def of(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a shape: the right types, anything else left to chance. Some shapes hold themselves."""
    match shape:
        case StructureShape():
            members = {name: of(member, depth + 1) for name, member in shape.members.items()}
            required = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(required, optional=members)
        case ListShape():
            return st.lists(of(shape.member, depth + 1), max_size=2) if depth < DEEPEST else st.just([])
        case MapShape():
            return st.dictionaries(of(shape.key), of(shape.value), max_size=2)
        case StringShape():
            return st.sampled_from(shape.enum or WORDS) | st.text(max_size=20)
    return LEAVES.get(shape.type_name, st.sampled_from(NUMBERS))


REQUESTS = {
    name: of(shape) for name in OPERATIONS if (shape := MODEL.operation_model(name).input_shape) is not None
}


Check = Callable[[Any, st.DataObject, str], None]


def hostile(examples: int) -> Callable[[Check], Check]:
    """Draws that many requests of any operation."""

    def decorate(test: Check) -> Check:
        drawn: Check = given(data=st.data(), operation=st.sampled_from(sorted(REQUESTS)))(test)
        many = settings(deadline=None, max_examples=examples, suppress_health_check=list(HealthCheck))
        return many(drawn)

    return decorate


def check(client: Any, data: st.DataObject, operation: str) -> None:
    """A drawn request is answered, or refused with an error of the client's."""
    request = data.draw(REQUESTS[operation])
    cluster = client.list_clusters()["Clusters"][-1]["Id"]
    request |= {name: cluster for name in CLUSTER_MEMBERS if name in request}
    try:
        getattr(client, xform_name(operation))(**request)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] < 500, error


@hostile(1000)
def test_no_request_that_the_model_allows_is_a_failure_of_ours(
    client: Any, data: st.DataObject, operation: str
) -> None:
    check(client, data, operation)


@pytest.mark.soak
@hostile(10_000)
def test_none_of_ten_thousand_requests_is_a_failure_of_ours(
    client: Any, data: st.DataObject, operation: str
) -> None:
    check(client, data, operation)
