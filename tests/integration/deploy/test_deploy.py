"""The whole way to LocalStack and back by the command line, the resources looked at with boto3."""

import io
import json
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.emr import Emr
from tests.integration.deploy.conftest import Project
from windtunnel.deploy.stacks import Stacks
from windtunnel.deploy.template import Resolved, load
from windtunnel.install.progress import SILENT

NOT_MADE = {
    "AWS::EC2::EIP": 2,
    "AWS::EC2::SecurityGroupEgress": 2,
    "AWS::EC2::SecurityGroupIngress": 16,
    "AWS::MWAA::Environment": 1,
}
"""What LocalStack's free edition cannot make of the two templates: it writes them down and makes nothing.

Of what it makes: the NAT gateways have no address, a route leads nowhere (tests/unit/infra/test_deployed.py sees where
it does), and nothing enforces a policy.
"""


def client(project: Project, service: str) -> Any:
    target = project.target
    url = target.endpoints["cloudformation"]
    return target.session.client(service, region_name=target.region, endpoint_url=url)  # type: ignore[call-overload]


def outputs(project: Project, which: str = "foundation") -> dict[str, str]:
    stack = Stacks(project.target, SILENT).find(f"{project.name}-{which}")
    assert stack and stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    return dict(stack.outputs)


def parameters(project: Project) -> dict[str, str]:
    stack = Stacks(project.target, SILENT).find(f"{project.name}-environment")
    assert stack
    return dict(stack.parameters)


def objects(project: Project) -> dict[str, bytes]:
    s3 = project.target.client("s3")
    found = s3.list_objects_v2(Bucket=project.bucket).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=project.bucket, Key=one["Key"])["Body"].read() for one in found}


def buckets(project: Project) -> set[str]:
    return {one["Name"] for one in project.target.client("s3").list_buckets()["Buckets"]}


def version(project: Project, key: str) -> str:
    return str(project.target.client("s3").head_object(Bucket=project.bucket, Key=key)["VersionId"])


def test_a_deployment_makes_both_stacks_and_says_what_localstack_did_not_make(project: Project) -> None:
    said = project.deploy(checked=True)
    template = load(project.home / "infra" / "foundation.yaml")
    resolved = Resolved(template, {"Name": project.name}, "000000000000", "us-east-1")
    pages = project.target.client("cloudformation").get_paginator("list_stack_resources")
    listed = [
        one["ResourceType"]
        for page in pages.paginate(StackName=f"{project.name}-foundation")
        for one in page["StackResourceSummaries"]
    ]

    assert Counter(listed) == Counter(one["Type"] for one in resolved.resources.values())
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(NOT_MADE.items()))
    assert f"only pretends to have made: {told}." in said
    assert f"own Airflow is at {project.settings.airflow_url}" in said
    assert outputs(project).keys() == template["Outputs"].keys()
    assert set(outputs(project, "environment")) == {"WebserverUrl", "EnvironmentName", "EnvironmentArn"}


def test_the_network_is_there(project: Project) -> None:
    project.deploy()
    out, ec2 = outputs(project), client(project, "ec2")
    private = ec2.describe_subnets(SubnetIds=out["PrivateSubnetIds"].split(","))["Subnets"]
    (vpc,) = {one["VpcId"] for one in private}
    here = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = ec2.describe_subnets(Filters=here)["Subnets"]

    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"] == "10.192.0.0/16"
    assert {one["AvailabilityZone"] for one in private} == {"us-east-1a", "us-east-1b"}
    assert sorted(one["CidrBlock"] for one in subnets) == [f"10.192.{n}.0/20" for n in (0, 16, 32, 48)]
    nat = ec2.describe_nat_gateways(Filter=here)["NatGateways"]
    assert len(nat) == 2
    assert not {one["SubnetId"] for one in nat} & set(out["PrivateSubnetIds"].split(","))
    tables = ec2.describe_route_tables(Filters=here)["RouteTables"]
    ways_out = {
        association["SubnetId"]: {route.get("DestinationCidrBlock", "S3") for route in table["Routes"]}
        for table in tables
        for association in table["Associations"]
        if "SubnetId" in association
    }
    for subnet in out["PrivateSubnetIds"].split(","):
        assert ways_out[subnet] == {"10.192.0.0/16", "0.0.0.0/0", "S3"}
    endpoints = ec2.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]
    assert {one["ServiceName"].rpartition(".")[2] for one in endpoints} == {"s3", "elasticmapreduce"}
    groups = [value for name, value in out.items() if name.endswith("SecurityGroupId")]
    assert {one["VpcId"] for one in ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]} == {vpc}


def test_the_bucket_is_versioned_private_and_takes_no_open_connection(project: Project) -> None:
    project.deploy()
    s3 = project.target.client("s3")

    assert outputs(project)["Bucket"] == project.bucket
    assert s3.get_bucket_versioning(Bucket=project.bucket)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=project.bucket)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4 and all(blocked.values())
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=project.bucket)["Policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Resource"] == [f"arn:aws:s3:::{project.bucket}", f"arn:aws:s3:::{project.bucket}/*"]


def test_the_roles_are_there_with_their_policies(project: Project) -> None:
    project.deploy()
    out, iam = outputs(project), client(project, "iam")
    role = out["ExecutionRoleArn"].rpartition("/")[2]
    resources = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        resources += [one.get("Resource") for one in document["Statement"]]

    assert f"arn:aws:s3:::{project.bucket}" in resources
    for name in ("EmrServiceRole", "EmrJobFlowRole"):
        assert iam.get_role(RoleName=out[name])["Role"]["Arn"] in resources
    profile = iam.get_instance_profile(InstanceProfileName=out["EmrJobFlowRole"])["InstanceProfile"]
    assert [one["RoleName"] for one in profile["Roles"]] == [out["EmrJobFlowRole"]]


def test_the_files_are_there_and_the_environment_takes_their_versions(project: Project) -> None:
    (project.home / "plugins" / "team.py").write_text("x = 1\n")
    (project.home / "data").mkdir()
    (project.home / "data" / "small.csv").write_text("a,b\n")
    project.deploy()
    there = objects(project)

    assert there.keys() == {
        *("dags/salary_pipeline.py", "spark/average_salary.py"),
        *("requirements.txt", "startup.sh", "plugins.zip"),
    }
    for key in there.keys() - {"plugins.zip"}:
        assert there[key] == (project.home / key).read_bytes()
    with zipfile.ZipFile(io.BytesIO(there["plugins.zip"])) as archive:
        assert archive.read("team.py") == b"x = 1\n"
    given = parameters(project)
    assert given["Bucket"] == project.bucket
    assert given["RequirementsVersion"] == version(project, "requirements.txt")
    assert given["PluginsVersion"] == version(project, "plugins.zip")
    assert given["StartupScriptVersion"] == version(project, "startup.sh")
    assert given["PrivateSubnetIds"] == outputs(project)["PrivateSubnetIds"]
    project.deploy("--data")
    assert objects(project)["data/small.csv"] == b"a,b\n"


def test_a_second_deployment_has_nothing_to_do_and_asks_nothing(project: Project) -> None:
    project.deploy()
    before = parameters(project)
    done = project.run("deploy", "--local")

    assert done.returncode == 0, done.stderr
    assert "Nothing to do" in done.stdout
    assert parameters(project) == before


def test_a_later_deployment_brings_what_has_changed_and_removes_what_is_gone(project: Project) -> None:
    project.deploy()
    before = parameters(project)
    (project.home / "requirements.txt").write_text("numpy\n")
    (project.home / "startup.sh").unlink()
    (project.home / "dags" / "salary_pipeline.py").rename(project.home / "dags" / "renamed.py")
    plan = project.run("deploy", "--local", "--dry-run", "--parameter", "NatGateways=1").stdout
    assert parameters(project) == before
    for line in (
        "NatGateway2 (AWS::EC2::NatGateway): REMOVED",
        "Environment (AWS::MWAA::Environment): changed",
    ):
        assert line in plan
    for line in ("1 new file", "1 changed file", "2 files to delete"):
        assert line in plan
    project.deploy("--parameter", "NatGateways=1")
    after = parameters(project)

    assert objects(project).keys() == {"dags/renamed.py", "spark/average_salary.py", "requirements.txt"}
    assert (
        after["RequirementsVersion"] == version(project, "requirements.txt") != before["RequirementsVersion"]
    )
    assert after["StartupScriptVersion"] == "" != before["StartupScriptVersion"]
    (vpc,) = client(project, "ec2").describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [project.name]}])[
        "Vpcs"
    ]
    gateways = client(project, "ec2").describe_nat_gateways(
        Filter=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    )
    assert [one["State"] for one in gateways["NatGateways"]].count("available") == 1


def test_without_a_terminal_nothing_is_done(project: Project) -> None:
    done = project.run("deploy", "--local")

    assert done.returncode == 1
    assert "no terminal" in done.stderr and "resources to make" in done.stdout
    assert project.bucket not in buckets(project)


def test_any_shell_will_do_for_local_and_none_that_is_local_for_aws(project: Project, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[default]\nregion = eu-west-1\nuse_fips_endpoint = true\nendpoint_url = https://example.org\n"
    )
    shell = {
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(config),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_CLOUDFORMATION": "https://cloudformation.eu-west-1.amazonaws.com",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_CA_BUNDLE": os.devnull,
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    done = project.run("deploy", "--local", "--yes", shell=shell)
    assert done.returncode == 0, done.stderr
    assert project.bucket in buckets(project)
    refused = project.run("deploy", "--yes", shell=shell)
    assert refused.returncode == 1
    assert "AWS_ENDPOINT_URL is http://127.0.0.1:9" in refused.stderr
    done = project.run("destroy", "--local", "--confirm", project.name, shell=shell)

    assert done.returncode == 0, done.stderr
    assert project.bucket not in buckets(project)


def test_the_end_takes_every_version_and_a_second_one_finds_nothing(project: Project) -> None:
    project.deploy()
    s3 = project.target.client("s3")
    for key in ("output/a", "logs/emr/b"):
        s3.put_object(Bucket=project.bucket, Key=key, Body=b"1")
        s3.put_object(Bucket=project.bucket, Key=key, Body=b"2")
        s3.delete_object(Bucket=project.bucket, Key=key)
    s3.create_multipart_upload(Bucket=project.bucket, Key="output/c")
    logs = client(project, "logs")
    logs.create_log_group(logGroupName=f"airflow-{project.name}-Task")
    shown = project.run("destroy", "--local", "--dry-run").stdout
    assert "4 objects, 10 versions of them, 1 unfinished uploads" in shown
    assert project.bucket in buckets(project)
    said = project.destroy()

    assert f"{project.name} is gone." in said
    assert project.bucket not in buckets(project)
    for which in ("foundation", "environment"):
        assert Stacks(project.target, SILENT).find(f"{project.name}-{which}") is None
    assert not logs.describe_log_groups(logGroupNamePrefix=f"airflow-{project.name}-")["logGroups"]
    own = [{"Name": "tag:Name", "Values": [project.name]}]
    assert not client(project, "ec2").describe_vpcs(Filters=own)["Vpcs"]
    assert "There is nothing to remove." in project.destroy()


def test_the_bucket_can_be_kept_and_is_then_in_the_way_until_it_goes_too(project: Project) -> None:
    project.deploy()
    assert "but for its bucket" in project.destroy("--keep-bucket")
    assert "dags/salary_pipeline.py" in objects(project)
    again = project.run("deploy", "--local", "--yes")
    assert again.returncode == 1
    assert "there from an earlier deployment" in again.stderr
    assert "There is nothing to remove." in project.destroy("--keep-bucket")
    project.destroy()

    assert project.bucket not in buckets(project)


def test_a_wrong_name_removes_nothing(project: Project) -> None:
    project.deploy()
    refused = project.run("destroy", "--local", "--confirm", "another")

    assert refused.returncode == 1
    assert "nothing was removed" in refused.stderr
    assert project.bucket in buckets(project)


def test_clusters_go_first_unless_they_are_protected(project: Project, emr: Emr) -> None:
    project.deploy()
    tags = [{"Key": "pipeline", "Value": project.name}]
    own = emr.run(Name="own", Tags=tags, Instances={"TerminationProtected": True})
    other = emr.run(Name="other", Tags=[{"Key": "pipeline", "Value": f"{project.name}-b"}])
    refused = project.run("destroy", "--local", "--confirm", project.name)
    assert refused.returncode == 1
    assert f"{own}: protected from termination" in refused.stderr
    assert project.bucket in buckets(project)
    emr.client.set_termination_protection(JobFlowIds=[own], TerminationProtected=False)
    project.destroy()

    assert emr.cluster(own)[0] == "TERMINATED"
    assert emr.cluster(other)[0] in ("STARTING", "BOOTSTRAPPING", "WAITING", "RUNNING")


@pytest.mark.parametrize("which", ["foundation", "environment"])
def test_a_creation_that_failed_is_told_and_made_anew(project: Project, which: str) -> None:
    template = project.home / "infra" / f"{which}.yaml"
    good = template.read_text()
    properties = "{ AllocationId: eipalloc-0, SubnetId: subnet-0 }"
    broken = f"\n  Broken:\n    Type: AWS::EC2::NatGateway\n    Properties: {properties}\n"
    template.write_text(good.replace("\nOutputs:", f"{broken}\nOutputs:"))
    failed = project.run("deploy", "--local", "--yes")
    assert failed.returncode == 1
    assert (
        f"{project.name}-{which} is ROLLBACK_COMPLETE. First to fail was Broken (AWS::EC2::NatGateway)"
        in failed.stderr
    )
    assert "run this again" in failed.stderr
    template.write_text(good)
    said = project.deploy()

    assert "an earlier creation failed" in said
    assert outputs(project, which)
    assert "Nothing to do" in project.deploy()
