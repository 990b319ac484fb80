"""Rows of the store as the API shows them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from windtunnel.emr import ids
from windtunnel.emr.catalogue.instance_types import instance_types
from windtunnel.emr.catalogue.releases import find_release
from windtunnel.emr.schema import Cluster, Instance, InstanceGroup, Step
from windtunnel.emr.tags import as_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_emr import type_defs as t

_EC2_ATTRIBUTES = (
    "Ec2KeyName",
    "Ec2SubnetId",
    "EmrManagedMasterSecurityGroup",
    "EmrManagedSlaveSecurityGroup",
    "ServiceAccessSecurityGroup",
    "AdditionalMasterSecurityGroups",
    "AdditionalSlaveSecurityGroups",
)
_CLUSTER_ATTRIBUTES = (
    "ServiceRole",
    "AutoScalingRole",
    "ScaleDownBehavior",
    "EbsRootVolumeSize",
    "EbsRootVolumeIops",
    "EbsRootVolumeThroughput",
    "RepoUpgradeOnBoot",
    "OSReleaseLabel",
    "ExtendedSupport",
    "UnhealthyNodeReplacement",
    "VisibleToAllUsers",
)
_VCPUS_OF_ONE_HOUR = 1 / 2
"""~ A normalized instance hour is one of an m1.small; its later kin count about two a vCPU."""


def moment(seconds: float | None) -> datetime | None:
    """Seconds since the epoch as the wire wants them."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _present(members: dict[str, Any]) -> Any:
    return {name: value for name, value in members.items() if value is not None}


def _reason(subject: Cluster | Instance | InstanceGroup | Step) -> dict[str, str]:
    return _present({"Code": subject.reason_code, "Message": subject.reason_message or None})  # type: ignore[no-any-return]


def _timeline(subject: Cluster | Instance | InstanceGroup) -> Any:
    return _present(
        {
            "CreationDateTime": moment(subject.created_at),
            "ReadyDateTime": moment(subject.ready_at),
            "EndDateTime": moment(subject.ended_at),
        }
    )


def cluster_status(cluster: Cluster) -> "t.ClusterStatusTypeDef":
    """State, reason and timeline."""
    status = {
        "State": cluster.state.value,
        "StateChangeReason": _reason(cluster),
        "Timeline": _timeline(cluster),
        "ErrorDetails": cluster.error_details or None,
    }
    return _present(status)  # type: ignore[no-any-return]


def normalized_instance_hours(cluster: Cluster, groups: "Sequence[InstanceGroup]", now: float) -> int:
    """What the cluster would have been billed: hours begun, by the size of its nodes (~)."""
    if cluster.ready_at is None:
        return 0
    hours = int(((cluster.ended_at or now) - cluster.ready_at) // 3600) + 1
    vcpus = sum(instance_types()[group.instance_type].vcpus * group.requested for group in groups)
    return int(hours * vcpus / _VCPUS_OF_ONE_HOUR)


def cluster_summary(cluster: Cluster, hours: int) -> "t.ClusterSummaryTypeDef":
    """As ListClusters shows it."""
    return {
        "Id": cluster.id,
        "Name": cluster.name,
        "Status": cluster_status(cluster),
        "NormalizedInstanceHours": hours,
        "ClusterArn": ids.cluster_arn(cluster.id, cluster.region, cluster.account),
    }


def cluster_detail(
    cluster: Cluster, hours: int, master_dns: str | None, *, of_fleets: bool
) -> "t.ClusterTypeDef":
    """As DescribeCluster shows it."""
    kept = cluster.attributes
    zone = (kept.get("Placement") or {}).get("AvailabilityZone") or f"{cluster.region}a"
    ec2 = {name: kept[name] for name in _EC2_ATTRIBUTES if name in kept}
    ec2 |= {"Ec2AvailabilityZone": zone, "IamInstanceProfile": kept.get("JobFlowRole")}
    ec2 |= {"RequestedEc2SubnetIds": kept.get("Ec2SubnetIds", []), "RequestedEc2AvailabilityZones": []}
    detail: dict[str, Any] = {
        **cluster_summary(cluster, hours),
        "Ec2InstanceAttributes": _present(ec2),
        "InstanceCollectionType": "INSTANCE_FLEET" if of_fleets else "INSTANCE_GROUP",
        "LogUri": cluster.log_uri,
        "ReleaseLabel": cluster.release_label,
        "AutoTerminate": not cluster.keep_alive,
        "TerminationProtected": cluster.termination_protected,
        "Applications": _applications(cluster),
        "Tags": as_list(cluster.tags),
        "MasterPublicDnsName": master_dns,
        "Configurations": cluster.configurations,
        "StepConcurrencyLevel": cluster.step_concurrency,
        **{name: kept[name] for name in _CLUSTER_ATTRIBUTES if name in kept},
    }
    return _present(detail)  # type: ignore[no-any-return]


def _applications(cluster: Cluster) -> list[dict[str, str]]:
    release = find_release(cluster.release_label)
    versions = release.applications if release else {}
    return [_present({"Name": name, "Version": versions.get(name)}) for name in cluster.applications]


def step_summary(step: Step, log_uri: str | None) -> "t.StepSummaryTypeDef":
    """As ListSteps shows it."""
    status = {
        "State": step.state.value,
        "StateChangeReason": _reason(step),
        "FailureDetails": step.failure or None,
        "Timeline": _present(
            {
                "CreationDateTime": moment(step.created_at),
                "StartDateTime": moment(step.started_at),
                "EndDateTime": moment(step.ended_at),
            }
        ),
    }
    config = {
        "Jar": step.jar,
        "Properties": step.properties,
        "MainClass": step.main_class,
        "Args": step.args,
    }
    applications = {"ResourceManagerApplicationIds": step.application_ids} if step.application_ids else None
    summary = {
        "Id": step.id,
        "Name": step.name,
        "Config": _present(config),
        "ActionOnFailure": step.action_on_failure,
        "Status": _present(status),
        "LogUri": f"{log_uri}{step.cluster_id}/steps/{step.id}/" if log_uri else None,
        "AdditionalInfo": applications,
    }
    return _present(summary)  # type: ignore[no-any-return]


def instance_group_detail(group: InstanceGroup, running: int) -> "t.InstanceGroupTypeDef":
    """As ListInstanceGroups shows it."""
    ebs = group.attributes.get("EbsConfiguration") or {}
    detail = {
        "Id": group.id,
        "Name": group.name or None,
        "Market": group.market,
        "InstanceGroupType": group.role,
        "BidPrice": group.bid_price,
        "InstanceType": group.instance_type,
        "RequestedInstanceCount": group.requested,
        "RunningInstanceCount": running,
        "Status": _group_status(group),
        "Configurations": group.configurations,
        "ConfigurationsVersion": group.configurations_version,
        "LastSuccessfullyAppliedConfigurations": group.applied_configurations,
        "LastSuccessfullyAppliedConfigurationsVersion": group.applied_version,
        "EbsBlockDevices": _block_devices(ebs),
        "EbsOptimized": ebs.get("EbsOptimized"),
        "ShrinkPolicy": group.shrink_policy,
        "AutoScalingPolicy": auto_scaling_policy(group) if group.auto_scaling else None,
    }
    return _present(detail)  # type: ignore[no-any-return]


def auto_scaling_policy(group: InstanceGroup) -> "t.AutoScalingPolicyDescriptionTypeDef":
    """An instance group's AutoScalingPolicy, which is at work as soon as it is put."""
    status = {"State": "ATTACHED", "StateChangeReason": {"Code": "USER_REQUEST"}}
    return {**group.auto_scaling, "Status": status}  # type: ignore[typeddict-item]


def instance_fleet_detail(fleet: InstanceGroup, provisioned: "Mapping[str, int]") -> "t.InstanceFleetTypeDef":
    """As ListInstanceFleets shows it; `provisioned` are the units of its running instances by market."""
    detail = {
        "Id": fleet.id,
        "Name": fleet.name or None,
        "Status": _group_status(fleet),
        "InstanceFleetType": fleet.role,
        "TargetOnDemandCapacity": fleet.fleet.get("TargetOnDemandCapacity", 0),
        "TargetSpotCapacity": fleet.fleet.get("TargetSpotCapacity", 0),
        "ProvisionedOnDemandCapacity": provisioned.get("ON_DEMAND", 0),
        "ProvisionedSpotCapacity": provisioned.get("SPOT", 0),
        "InstanceTypeSpecifications": [
            _type_specification(kind) for kind in fleet.fleet["InstanceTypeConfigs"]
        ],
        **{
            name: fleet.fleet.get(name)
            for name in ("LaunchSpecifications", "ResizeSpecifications", "Context")
        },
    }
    return _present(detail)  # type: ignore[no-any-return]


def _type_specification(kind: "Mapping[str, Any]") -> "Mapping[str, Any]":
    ebs = kind.get("EbsConfiguration") or {}
    shown = {name: value for name, value in kind.items() if name != "EbsConfiguration"}
    more = {"EbsBlockDevices": _block_devices(ebs), "EbsOptimized": ebs.get("EbsOptimized")}
    return {"WeightedCapacity": 1, **shown, **_present(more)}


def _group_status(group: InstanceGroup) -> "Mapping[str, Any]":
    reason, timeline = _reason(group), _timeline(group)
    return {"State": group.state.value, "StateChangeReason": reason, "Timeline": timeline}


def _block_devices(ebs: "Mapping[str, Any]") -> "list[Mapping[str, Any]]":
    return [
        {"VolumeSpecification": device["VolumeSpecification"]}
        for device in ebs.get("EbsBlockDeviceConfigs") or []
        for _ in range(device.get("VolumesPerInstance", 1))
    ]


def instance_detail(instance: Instance, group: InstanceGroup, address: str) -> "t.InstanceTypeDef":
    """As ListInstances shows it: every node is at this machine's own address."""
    return {
        "Id": instance.id,
        "Ec2InstanceId": instance.ec2_id,
        "PublicDnsName": "localhost",
        "PublicIpAddress": address,
        "PrivateDnsName": "localhost",
        "PrivateIpAddress": address,
        "Status": {
            "State": instance.state.value,
            "StateChangeReason": _reason(instance),  # type: ignore[typeddict-item]
            "Timeline": _timeline(instance),
        },
        **({"InstanceFleetId": group.id} if group.fleet else {"InstanceGroupId": group.id}),
        "Market": instance.market,  # type: ignore[typeddict-item]
        "InstanceType": instance.instance_type,
        "EbsVolumes": [],
    }
