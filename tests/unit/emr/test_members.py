"""Every member of a request that shapes what runs is executed, kept or refused; none is overlooked."""

from typing import Any

from windtunnel.aws.service import load_model
from windtunnel.emr.members import EXECUTED, KEPT, REFUSED


def test_every_member_of_the_model_is_in_exactly_one_table() -> None:
    request: Any = load_model("emr").operation_model("RunJobFlow").input_shape
    instances = request.members["Instances"]
    modify: Any = load_model("emr").operation_model("ModifyInstanceGroups").input_shape
    shapes = {
        "": request,
        "Instances.": instances,
        "Group.": instances.members["InstanceGroups"].member,
        "Step.": request.members["Steps"].member,
        "HadoopJarStep.": request.members["Steps"].member.members["HadoopJarStep"],
        "Application.": request.members["Applications"].member,
        "BootstrapAction.": request.members["BootstrapActions"].member,
        "AutoTerminationPolicy.": request.members["AutoTerminationPolicy"],
        "Fleet.": instances.members["InstanceFleets"].member,
        "TypeConfig.": instances.members["InstanceFleets"].member.members["InstanceTypeConfigs"].member,
        "ModifyGroup.": modify.members["InstanceGroups"].member,
        "ManagedScalingPolicy.": request.members["ManagedScalingPolicy"],
        "ComputeLimits.": request.members["ManagedScalingPolicy"].members["ComputeLimits"],
        "AutoScalingPolicy.": instances.members["InstanceGroups"].member.members["AutoScalingPolicy"],
    }
    known = {prefix + name for prefix, shape in shapes.items() for name in shape.members} - {"Instances"}
    tables = [EXECUTED, KEPT, REFUSED.keys()]
    assert known == set().union(*tables)
    assert sum(map(len, tables)) == len(known)
