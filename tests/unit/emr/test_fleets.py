"""Instance fleets: what they ask for, what they get, how they change."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("attentive")


MASTER: dict[str, Any] = {
    "InstanceFleetType": "MASTER",
    "TargetOnDemandCapacity": 1,
    "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}],
}
CORE: dict[str, Any] = {
    "Name": "workers",
    "InstanceFleetType": "CORE",
    "TargetOnDemandCapacity": 4,
    "TargetSpotCapacity": 3,
    "InstanceTypeConfigs": [
        {"InstanceType": "m5.2xlarge", "WeightedCapacity": 4, "BidPriceAsPercentageOfOnDemandPrice": 80.0},
        {"InstanceType": "m5.xlarge", "WeightedCapacity": 2},
    ],
    "LaunchSpecifications": {
        "SpotSpecification": {"TimeoutDurationMinutes": 20, "TimeoutAction": "SWITCH_TO_ON_DEMAND"}
    },
}
BY_TYPE = {"MasterInstanceType": None, "SlaveInstanceType": None, "InstanceCount": None}


def run(emr: Emr, *fleets: dict[str, Any]) -> str:
    return emr.run(Instances={**BY_TYPE, "InstanceFleets": list(fleets)})


def fleet_of(emr: Emr, cluster: str, role: str) -> dict[str, Any]:
    listed = emr.client.list_instance_fleets(ClusterId=cluster)["InstanceFleets"]
    return dict(next(fleet for fleet in listed if fleet["InstanceFleetType"] == role))


def instances(emr: Emr, cluster: str, role: Any) -> list[tuple[str, str]]:
    """Type and market of the running instances of a fleet."""
    listed = emr.client.list_instances(ClusterId=cluster, InstanceFleetType=role, InstanceStates=["RUNNING"])[
        "Instances"
    ]
    return sorted((one["InstanceType"], one["Market"]) for one in listed)


def provisioned(emr: Emr, cluster: str, role: str, on_demand: int, spot: int) -> None:
    """Waits until a fleet is RUNNING with these units."""

    def look() -> None:
        fleet = fleet_of(emr, cluster, role)
        units = fleet["ProvisionedOnDemandCapacity"], fleet["ProvisionedSpotCapacity"]
        assert (fleet["Status"]["State"], *units) == ("RUNNING", on_demand, spot), fleet

    eventually(look)


@behaviour(
    "scaling",
    "An instance fleet has instances until their WeightedCapacity reaches its on-demand and its spot target.",
)
@behaviour(
    "scaling",
    "A cluster of instance fleets has the InstanceCollectionType INSTANCE_FLEET; a fleet's id begins "
    "with if-.",
)
def test_a_fleet_has_instances_until_their_weights_reach_its_targets(emr: Emr) -> None:
    cluster = run(emr, CORE, MASTER)
    emr.wait(cluster, "WAITING")
    provisioned(emr, cluster, "CORE", 4, 4)
    assert instances(emr, cluster, "MASTER") == [("m5.xlarge", "ON_DEMAND")]
    assert instances(emr, cluster, "CORE") == [("m5.2xlarge", "ON_DEMAND"), ("m5.2xlarge", "SPOT")]
    detail: Any = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]
    assert detail["InstanceCollectionType"] == "INSTANCE_FLEET"
    core = fleet_of(emr, cluster, "CORE")
    assert core["Id"].startswith("if-")
    assert core["Name"] == "workers"
    assert (core["TargetOnDemandCapacity"], core["TargetSpotCapacity"]) == (4, 3)
    assert core["LaunchSpecifications"] == CORE["LaunchSpecifications"]
    assert [kind["WeightedCapacity"] for kind in core["InstanceTypeSpecifications"]] == [4, 2]
    one: Any = emr.client.list_instances(ClusterId=cluster, InstanceFleetId=core["Id"])["Instances"][0]
    assert one["InstanceFleetId"] == core["Id"]
    assert "InstanceGroupId" not in one


@behaviour("scaling", "The on-demand allocation strategy prioritized takes the type of the first Priority.")
def test_the_type_of_the_first_priority_is_taken_where_the_strategy_says_so(emr: Emr) -> None:
    types = [{"InstanceType": "m5.xlarge", "Priority": 2.0}, {"InstanceType": "c5.xlarge", "Priority": 1.0}]
    strategy = {"OnDemandSpecification": {"AllocationStrategy": "prioritized"}}
    core = {"InstanceFleetType": "CORE", "TargetOnDemandCapacity": 1, "InstanceTypeConfigs": types}
    cluster = run(emr, MASTER, {**core, "LaunchSpecifications": strategy})
    emr.wait(cluster, "WAITING")
    assert instances(emr, cluster, "CORE") == [("c5.xlarge", "ON_DEMAND")]


@behaviour("scaling", "ModifyInstanceFleet changes a fleet's target capacities.")
def test_a_fleet_grows_and_shrinks_by_its_targets(emr: Emr) -> None:
    cluster = run(emr, MASTER, {**CORE, "TargetSpotCapacity": 0})
    emr.wait(cluster, "WAITING")
    fleet = fleet_of(emr, cluster, "CORE")["Id"]
    emr.client.modify_instance_fleet(
        ClusterId=cluster, InstanceFleet={"InstanceFleetId": fleet, "TargetSpotCapacity": 8}
    )
    provisioned(emr, cluster, "CORE", 4, 8)
    emr.client.modify_instance_fleet(
        ClusterId=cluster,
        InstanceFleet={"InstanceFleetId": fleet, "TargetOnDemandCapacity": 0, "TargetSpotCapacity": 5},
    )
    provisioned(emr, cluster, "CORE", 0, 8)
    emr.client.modify_instance_fleet(
        ClusterId=cluster, InstanceFleet={"InstanceFleetId": fleet, "TargetSpotCapacity": 4}
    )
    provisioned(emr, cluster, "CORE", 0, 4)


@behaviour("scaling", "AddInstanceFleet adds a TASK fleet to a cluster that is up.")
def test_a_task_fleet_is_added_to_a_cluster_that_is_up(emr: Emr) -> None:
    cluster = run(emr, MASTER, {**CORE, "TargetSpotCapacity": 0})
    emr.wait(cluster, "WAITING")
    task: Any = {**MASTER, "InstanceFleetType": "TASK", "TargetOnDemandCapacity": 2}
    added = emr.client.add_instance_fleet(ClusterId=cluster, InstanceFleet=task)
    assert added["ClusterId"] == cluster
    provisioned(emr, cluster, "TASK", 2, 0)
    assert fleet_of(emr, cluster, "TASK")["Id"] == added["InstanceFleetId"]


WRONG: list[tuple[list[dict[str, Any]], str]] = [
    ([CORE], "needs a MASTER instance fleet"),
    ([MASTER, CORE, CORE], "at most one CORE"),
    ([MASTER, {**MASTER, "InstanceFleetType": "TASK"}], "needs a CORE instance fleet"),
    ([{**MASTER, "TargetOnDemandCapacity": 2}], "a target capacity of 1"),
    ([{**MASTER, "TargetSpotCapacity": 1}], "a target capacity of 1"),
    ([MASTER, {**CORE, "TargetOnDemandCapacity": 0, "TargetSpotCapacity": 0}], "at least 1"),
    ([{**MASTER, "InstanceTypeConfigs": []}], "1 to 30 InstanceTypeConfigs"),
    ([{**MASTER, "InstanceTypeConfigs": [{"InstanceType": "m9.none"}]}], "'m9.none' is not supported"),
    (
        [{**MASTER, "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge", "WeightedCapacity": 2}]}],
        "1 in a MASTER",
    ),
    (
        [
            {
                **MASTER,
                "InstanceTypeConfigs": [
                    {"InstanceType": "m5.xlarge", "BidPrice": "1", "BidPriceAsPercentageOfOnDemandPrice": 1.0}
                ],
            }
        ],
        "not both",
    ),
    (
        [
            {
                **MASTER,
                "LaunchSpecifications": {
                    "SpotSpecification": {
                        "TimeoutDurationMinutes": 1,
                        "TimeoutAction": "TERMINATE_CLUSTER",
                    }
                },
            }
        ],
        "from 5 to 1440",
    ),
]


@pytest.mark.parametrize(("fleets", "message"), WRONG)
def test_fleets_that_can_not_be_are_refused(emr: Emr, fleets: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        run(emr, *fleets)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert emr.client.list_clusters()["Clusters"] == []


@behaviour(
    "scaling",
    "A cluster has instance groups or instance fleets; requests for the other kind are refused.",
)
def test_groups_and_fleets_exclude_each_other(emr: Emr) -> None:
    with pytest.raises(ClientError, match="not both"):
        emr.run(Instances={"InstanceFleets": [MASTER]})
    of_groups, of_fleets = emr.run(), run(emr, MASTER, CORE)
    group: Any = {"InstanceRole": "TASK", "InstanceType": "m5.xlarge", "InstanceCount": 1}
    task: Any = {**MASTER, "InstanceFleetType": "TASK"}
    for call, words in [
        (lambda: emr.client.list_instance_groups(ClusterId=of_fleets), "uses instance fleets"),
        (lambda: emr.client.list_instance_fleets(ClusterId=of_groups), "uses instance groups"),
        (
            lambda: emr.client.add_instance_groups(JobFlowId=of_fleets, InstanceGroups=[group]),
            "Use the AddInstanceFleet",
        ),
        (
            lambda: emr.client.add_instance_fleet(ClusterId=of_groups, InstanceFleet=task),
            "Use the AddInstanceGroups",
        ),
        (
            lambda: emr.client.modify_instance_fleet(
                ClusterId=of_groups, InstanceFleet={"InstanceFleetId": "if-1", "TargetSpotCapacity": 1}
            ),
            "Use the ModifyInstanceGroups",
        ),
        (
            lambda: emr.client.list_instances(ClusterId=of_fleets, InstanceGroupTypes=["CORE"]),
            "this one has instance fleets",
        ),
    ]:
        with pytest.raises(ClientError, match=words):
            call()  # type: ignore[no-untyped-call]
