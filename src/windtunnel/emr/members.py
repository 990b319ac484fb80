"""What becomes of every member of a request that shapes what runs: executed, kept, or refused.

Nothing is ignored. A member that would change what runs on Amazon EMR, and that is not executed here, is
refused with a sentence that names it; one that changes nothing on a laptop (a subnet, a role) is kept and
shown again.
A test holds that each member of the model's shapes is in exactly one of these tables.
"""

from collections.abc import Mapping
from typing import Any

from windtunnel.emr.errors import validation_exception

EXECUTED = frozenset(
    [
        "Name",
        "LogUri",
        "ReleaseLabel",
        "Steps",
        "BootstrapActions",
        "Applications",
        "Configurations",
        "Tags",
        "StepConcurrencyLevel",
        "AutoTerminationPolicy",
        "ManagedScalingPolicy",
        "VisibleToAllUsers",
        "Instances.MasterInstanceType",
        "Instances.SlaveInstanceType",
        "Instances.InstanceCount",
        "Instances.InstanceGroups",
        "Instances.InstanceFleets",
        "Instances.KeepJobFlowAliveWhenNoSteps",
        "Instances.TerminationProtected",
        "Group.Name",
        "Group.Market",
        "Group.InstanceRole",
        "Group.BidPrice",
        "Group.InstanceType",
        "Group.InstanceCount",
        "Group.Configurations",
        "Group.AutoScalingPolicy",
        "ModifyGroup.InstanceGroupId",
        "ModifyGroup.InstanceCount",
        "ModifyGroup.EC2InstanceIdsToTerminate",
        "ModifyGroup.ShrinkPolicy",
        "ModifyGroup.Configurations",
        "ModifyGroup.ReconfigurationType",
        "Fleet.Name",
        "Fleet.InstanceFleetType",
        "Fleet.TargetOnDemandCapacity",
        "Fleet.TargetSpotCapacity",
        "Fleet.InstanceTypeConfigs",
        "TypeConfig.InstanceType",
        "TypeConfig.WeightedCapacity",
        "TypeConfig.Configurations",
        "TypeConfig.Priority",
        "Step.Name",
        "Step.ActionOnFailure",
        "Step.HadoopJarStep",
        "HadoopJarStep.Jar",
        "HadoopJarStep.Args",
        "HadoopJarStep.MainClass",
        "HadoopJarStep.Properties",
        "Application.Name",
        "BootstrapAction.Name",
        "BootstrapAction.ScriptBootstrapAction",
        "AutoTerminationPolicy.IdleTimeout",
        "ManagedScalingPolicy.ComputeLimits",
        "ManagedScalingPolicy.ScalingStrategy",
        "ComputeLimits.UnitType",
        "ComputeLimits.MinimumCapacityUnits",
        "ComputeLimits.MaximumCapacityUnits",
        "ComputeLimits.MaximumOnDemandCapacityUnits",
        "ComputeLimits.MaximumCoreCapacityUnits",
        "AutoScalingPolicy.Constraints",
        "AutoScalingPolicy.Rules",
    ]
)

KEPT = frozenset(
    [
        "ServiceRole",
        "JobFlowRole",
        "AutoScalingRole",
        "ScaleDownBehavior",
        "EbsRootVolumeSize",
        "EbsRootVolumeIops",
        "EbsRootVolumeThroughput",
        "RepoUpgradeOnBoot",
        "OSReleaseLabel",
        "ExtendedSupport",
        "Instances.Ec2KeyName",
        "Instances.Placement",
        "Instances.UnhealthyNodeReplacement",
        "Instances.Ec2SubnetId",
        "Instances.Ec2SubnetIds",
        "Instances.EmrManagedMasterSecurityGroup",
        "Instances.EmrManagedSlaveSecurityGroup",
        "Instances.ServiceAccessSecurityGroup",
        "Instances.AdditionalMasterSecurityGroups",
        "Instances.AdditionalSlaveSecurityGroups",
        "Group.EbsConfiguration",
        "Fleet.LaunchSpecifications",
        "Fleet.ResizeSpecifications",
        "Fleet.Context",
        "TypeConfig.BidPrice",
        "TypeConfig.BidPriceAsPercentageOfOnDemandPrice",
        "TypeConfig.EbsConfiguration",
    ]
)

REFUSED: Mapping[str, str] = {
    "LogEncryptionKmsKeyId": "logs are stored as the bucket's own encryption says",
    "AdditionalInfo": "it is for Amazon's internal use",
    "AmiVersion": "AMI versions before release labels are not provided; give a ReleaseLabel",
    "SupportedProducts": "it belongs to AMI versions; list Applications",
    "NewSupportedProducts": "it belongs to AMI versions; list Applications",
    "SecurityConfiguration": "encryption and authentication by security configuration are not executed",
    "CustomAmiId": "nodes are processes on this machine, not images",
    "KerberosAttributes": "clusters run without Kerberos",
    "PlacementGroupConfigs": "a cluster has one master node",
    "MonitoringConfiguration": "logs go to LogUri only",
    "SessionEnabled": "interactive sessions are not executed",
    "StepExecutionRoleArn": "all steps run with the cluster's own credentials",
    "Instances.HadoopVersion": "it belongs to AMI versions; the release label decides",
    "Group.CustomAmiId": "nodes are processes on this machine, not images",
    "TypeConfig.CustomAmiId": "nodes are processes on this machine, not images",
    "ManagedScalingPolicy.UtilizationPerformanceIndex": "it is for the ADVANCED ScalingStrategy",
    "Application.Version": "the release label decides",
    "Application.Args": "Hadoop and Spark take their settings from Configurations",
    "Application.AdditionalInfo": "it is for Amazon's internal use",
    "Step.StepMonitoringConfiguration": "a step's logs go to the cluster's LogUri",
}


def refuse_what_is_not_executed(members: Mapping[str, Any], prefix: str = "") -> None:
    """Raises ValidationException for the first member that is set and is not executed here."""
    for name, value in members.items():
        reason = REFUSED.get(prefix + name)
        if reason is not None and value not in (None, "", [], {}):
            raise validation_exception(f"windtunnel does not execute {prefix + name}: {reason}.")
