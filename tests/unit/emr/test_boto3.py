"""boto3's waiters and paginators of EMR, all of them."""

import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError
from botocore.loaders import Loader

from tests.behaviours import behaviour
from tests.emr import Emr, step
from windtunnel.emr import ids
from windtunnel.emr.operations.refusals import REFUSED
from windtunnel.emr.schema import Instance
from windtunnel.emr.store import instance_groups

AT_ONCE: Any = {"Delay": 1, "MaxAttempts": 1}
PAGINATORS = Loader().load_service_model("emr", "paginators-1")["pagination"]


def test_no_waiter_of_the_model_is_left_out() -> None:
    client: Any = boto3.client("emr", "us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    assert set(client.waiter_names) == {"cluster_running", "cluster_terminated", "step_complete"}


@behaviour("boto3", "The waiter cluster_running fails once a cluster is TERMINATED.")
@behaviour("boto3", "The waiter step_complete fails for a step that FAILED or was CANCELLED.")
@behaviour("boto3", "The waiter cluster_terminated fails for a cluster that is TERMINATED_WITH_ERRORS.")
def test_waiters_end_where_a_cluster_or_step_can_no_longer_get_there(emr: Emr) -> None:
    cluster = emr.run(step("false", action="TERMINATE_CLUSTER"), step("true"))
    emr.wait(cluster, "TERMINATED_WITH_ERRORS", ["FAILED", "CANCELLED"])
    steps = emr.client.list_steps(ClusterId=cluster)["Steps"]
    for one in steps:
        with pytest.raises(WaiterError, match="terminal failure state"):
            emr.client.get_waiter("step_complete").wait(
                ClusterId=cluster, StepId=one["Id"], WaiterConfig=AT_ONCE
            )
    with pytest.raises(WaiterError, match="terminal failure state"):
        emr.client.get_waiter("cluster_running").wait(ClusterId=cluster, WaiterConfig=AT_ONCE)
    with pytest.raises(WaiterError, match="terminal failure state"):
        emr.client.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=AT_ONCE)


@behaviour(
    "boto3", "Every paginator of the model goes through its operation's pages, or is told that it is refused."
)
@pytest.mark.parametrize("operation", sorted(PAGINATORS))
def test_every_paginator_of_the_model_ends(quiet: Emr, operation: str) -> None:
    client: Any = quiet.client
    model = client.meta.service_model.operation_model(operation).input_shape
    method = next(name for name, api in client.meta.method_to_api_mapping.items() if api == operation)
    given = {"ClusterId": quiet.run()} if "ClusterId" in model.required_members else {}
    paginate = client.get_paginator(method).paginate(**given)
    if operation in REFUSED or operation == "ListInstanceFleets":
        with pytest.raises(ClientError, match="InvalidRequestException"):
            list(paginate)
    else:
        result = PAGINATORS[operation]["result_key"]
        assert all(result in page for page in paginate)


@behaviour("steps", "ListSteps answers 50 steps a call, the newest first, and a Marker when there are more.")
@behaviour("boto3", "A paginator's MaxItems, and the token that goes on from there, lose no step.")
def test_pages_of_steps_have_no_gap_and_no_double(quiet: Emr) -> None:
    cluster = quiet.run(*[step("true", name=str(number)) for number in range(104)])
    paginator = quiet.client.get_paginator("list_steps")
    pages = list(paginator.paginate(ClusterId=cluster))
    assert [len(page["Steps"]) for page in pages] == [50, 50, 4]
    names = [one["Name"] for page in pages for one in page["Steps"]]
    assert names == [str(number) for number in range(103, -1, -1)]
    first = paginator.paginate(ClusterId=cluster, PaginationConfig={"MaxItems": 70}).build_full_result()
    rest = paginator.paginate(ClusterId=cluster, PaginationConfig={"StartingToken": first["NextToken"]})
    both = [*first["Steps"], *rest.build_full_result()["Steps"]]
    assert [one["Name"] for one in both] == names


@behaviour("steps", "A step that comes while pages are read doubles none of the older ones.", "believed")
def test_a_marker_stands_behind_a_step_whatever_comes_after(quiet: Emr) -> None:
    cluster = quiet.run(*[step("true", name=str(number)) for number in range(52)])
    first = quiet.client.list_steps(ClusterId=cluster)
    added: Any = [step("true", name="new")]
    quiet.client.add_job_flow_steps(JobFlowId=cluster, Steps=added)
    second = quiet.client.list_steps(ClusterId=cluster, Marker=first["Marker"])
    assert [one["Name"] for one in second["Steps"]] == ["1", "0"]
    assert "Marker" not in second


@behaviour(
    "instances", "ListInstances answers 50 instances a call, and a Marker when there are more.", "believed"
)
def test_pages_of_instances_have_no_gap_and_no_double(quiet: Emr) -> None:
    cluster = quiet.run()
    with quiet.store.transaction() as session:
        group = instance_groups(session, cluster)[-1]
        made = [
            Instance(
                id=ids.instance_id(),
                ec2_id=ids.ec2_instance_id(),
                cluster_id=cluster,
                group_id=group.id,
                instance_type=group.instance_type,
                market=group.market,
                weight=1,
                configurations_version=0,
                created_at=time.time(),
                ports={},
            )
            for _ in range(60)
        ]
        session.add_all(made)
        expected = {one.id for one in made}
    pages = list(quiet.client.get_paginator("list_instances").paginate(ClusterId=cluster))
    assert [len(page["Instances"]) for page in pages] == [50, 10]
    assert {one["Id"] for page in pages for one in page["Instances"]} == expected
