"""The end of a deployment in moto's account."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.conftest import BUCKET
from tests.unit.deploy.test_deployment import deploy
from windtunnel.deploy.clusters import Clusters
from windtunnel.deploy.deployment import named
from windtunnel.deploy.destruction import Destruction
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.target import Target
from windtunnel.install.progress import SILENT
from windtunnel.stack.project import read_project

FOUNDATION = """
Parameters:
  Name: { Type: String }
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: { BucketName: !Sub "airflow-${Name}" }
Outputs:
  Bucket: { Value: !Ref Bucket }
"""


def destruction(home: Path, target: Target) -> Destruction:
    return Destruction(named(read_project(home), None, {}), target, SILENT)


def run(target: Target, name: str, pipeline: str, *, protected: bool = False) -> str:
    made = target.client("emr").run_job_flow(
        Name=name,
        ReleaseLabel="emr-7.13.0",
        Instances={
            "MasterInstanceType": "m5.xlarge",
            "InstanceCount": 1,
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": protected,
        },
        JobFlowRole="EMR_EC2_DefaultRole",
        ServiceRole="EMR_DefaultRole",
        Tags=[{"Key": "pipeline", "Value": pipeline}],
    )
    return str(made["JobFlowId"])


def state(target: Target, cluster: str) -> str:
    return str(target.client("emr").describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"])


def log_groups(target: Target) -> set[str]:
    return {one["logGroupName"] for one in target.client("logs").describe_log_groups()["logGroups"]}


def test_a_team_keeps_the_bucket_that_it_has_brought(team: Path, account: Target) -> None:
    deploy(team, account)
    one = destruction(team, account)
    inventory = one.inventory()
    assert inventory.environment and not inventory.bucket and not inventory.foundation
    one.carry_out(inventory, keep_bucket=False)

    assert one.inventory().is_empty(keep_bucket=False)
    assert account.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 3


def test_only_the_log_groups_of_this_environment_go(team: Path, account: Target) -> None:
    """`team` is what the names of another environment's groups begin with."""
    other = {"airflow-team-b-Task", "airflow-team-b-Worker", "airflow-team-Tasks", "/aws/emr"}
    for name in (*other, "airflow-team-Task", "airflow-team-DAGProcessing"):
        account.client("logs").create_log_group(logGroupName=name)
    one = destruction(team, account)
    inventory = one.inventory()
    assert inventory.log_groups == ("airflow-team-DAGProcessing", "airflow-team-Task")
    account.client("logs").delete_log_group(logGroupName="airflow-team-Task")  # someone else's hand
    one.carry_out(inventory, keep_bucket=False)

    assert log_groups(account) == other


def test_only_clusters_of_this_pipeline_are_ended(team: Path, account: Target) -> None:
    own = [run(account, f"own {number}", "team") for number in range(12)]
    other = run(account, "other", "team-b")
    one = destruction(team, account)
    inventory = one.inventory()
    assert {cluster.id for cluster in inventory.clusters} == set(own)
    one.carry_out(inventory, keep_bucket=False)

    assert {state(account, cluster) for cluster in own} == {"TERMINATED"}
    assert state(account, other) == "WAITING"


def test_a_protected_cluster_stops_it_before_anything_goes(team: Path, account: Target) -> None:
    deploy(team, account)
    protected = run(account, "kept", "team", protected=True)
    free = run(account, "free", "team")
    one = destruction(team, account)
    inventory = one.inventory()
    assert any("protected from termination" in line for line in inventory.lines(keep_bucket=False))
    with pytest.raises(DeployError, match=rf"{protected}: protected.*modify-cluster-attributes"):
        one.carry_out(inventory, keep_bucket=False)

    assert state(account, free) == state(account, protected) == "WAITING"
    assert one.inventory().environment


def test_a_protected_stack_stops_it_before_anything_goes(team: Path, account: Target) -> None:
    (team / "infra" / "foundation.yaml").write_text(FOUNDATION)
    formation, s3 = account.client("cloudformation"), account.client("s3")
    for name in ("team-foundation", "team-environment"):
        formation.create_stack(
            StackName=name,
            TemplateBody=FOUNDATION,
            Parameters=[{"ParameterKey": "Name", "ParameterValue": name}],
            EnableTerminationProtection=name == "team-foundation",
        )
    s3.put_object(Bucket="airflow-team-foundation", Key="output/x", Body=b"12")
    cluster = run(account, "own", "team")
    one = destruction(team, account)
    said = r"team-foundation: protected.*no-enable-termination-protection --stack-name team-foundation"
    with pytest.raises(DeployError, match=said):
        one.carry_out(one.inventory(), keep_bucket=False)

    assert state(account, cluster) == "WAITING"
    inventory = one.inventory()
    assert inventory.environment and inventory.content and inventory.content.objects == 1


def test_a_cluster_that_airflow_makes_until_it_goes_is_ended_too(team: Path, account: Target) -> None:
    deploy(team, account)
    late: list[str] = []

    def start(**_: Any) -> None:
        if not late:
            late.append(run(account, "late", "team"))

    account.client("cloudformation").meta.events.register("before-call.cloudformation.DeleteStack", start)
    one = destruction(team, account)
    one.carry_out(one.inventory(), keep_bucket=False)

    assert state(account, late[0]) == "TERMINATED"


def test_a_protected_cluster_that_comes_late_stops_what_is_left(team: Path, account: Target) -> None:
    inventory = destruction(team, account).inventory()
    late = run(account, "late", "team", protected=True)

    with pytest.raises(DeployError, match=rf"{late}: protected"):
        destruction(team, account).carry_out(inventory, keep_bucket=False)
    assert state(account, late) == "WAITING"


def test_a_bucket_that_the_first_stack_only_puts_out_is_the_teams(team: Path, account: Target) -> None:
    """A team's template that takes a bucket and makes the rest."""
    template = "Resources:\n  A: {Type: AWS::SQS::Queue}\nOutputs:\n  Bucket: {Value: team-bucket}\n"
    (team / "infra" / "foundation.yaml").write_text(template)
    account.client("cloudformation").create_stack(StackName="team-foundation", TemplateBody=template)
    one = destruction(team, account)
    inventory = one.inventory()
    assert inventory.foundation and inventory.foundation.outputs["Bucket"] == BUCKET
    assert inventory.bucket == ""
    one.carry_out(inventory, keep_bucket=False)

    assert BUCKET in {bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]}


def test_the_bucket_is_found_when_its_stack_is_gone(team: Path, account: Target) -> None:
    (team / "infra" / "foundation.yaml").write_text(FOUNDATION)
    s3 = account.client("s3")
    s3.create_bucket(Bucket="airflow-team")
    s3.put_object(Bucket="airflow-team", Key="output/x", Body=b"12")
    one = destruction(team, account)
    inventory = one.inventory()
    assert inventory.bucket == "airflow-team" and inventory.content and inventory.content.size == 2
    assert inventory.is_empty(keep_bucket=True) and not inventory.is_empty(keep_bucket=False)
    assert "Bucket airflow-team: 1 objects" in "\n".join(inventory.lines(keep_bucket=False))
    one.carry_out(inventory, keep_bucket=True)
    assert one.inventory().bucket == "airflow-team"
    one.carry_out(inventory, keep_bucket=False)

    assert one.inventory().is_empty(keep_bucket=False)
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == {BUCKET}


def test_a_bucket_that_is_named_by_its_stack_is_not_taken_for_another(team: Path, account: Target) -> None:
    by_stack = FOUNDATION.replace("airflow-${Name}", "airflow-${AWS::StackName}")
    (team / "infra" / "foundation.yaml").write_text(by_stack)
    s3 = account.client("s3")
    s3.create_bucket(Bucket="airflow-stack")
    assert destruction(team, account).inventory().bucket == ""
    s3.create_bucket(Bucket="airflow-team-foundation")

    assert destruction(team, account).inventory().bucket == "airflow-team-foundation"


def test_a_bucket_of_another_deployment_is_neither_taken_nor_said_to_be_left(
    team: Path, account: Target
) -> None:
    """As a template has it whose bucket is not named by the deployment."""
    (team / "infra" / "foundation.yaml").write_text(FOUNDATION.replace("airflow-${Name}", "airflow-all"))
    (team / "windtunnel.toml").write_text('[deploy]\nname = "team"\n')
    account.client("s3").create_bucket(Bucket="airflow-all")
    maker = ["prod-foundation"]

    def tell(parsed: dict[str, Any], **_: Any) -> None:
        """Moto takes no tags of AWS's own."""
        parsed["TagSet"] = [{"Key": "aws:cloudformation:stack-name", "Value": maker[0]}]

    some = {"TagSet": [{"Key": "stage", "Value": "dev"}]}
    account.client("s3").put_bucket_tagging(Bucket="airflow-all", Tagging=some)
    account.client("s3").meta.events.register("after-call.s3.GetBucketTagging", tell)
    assert destruction(team, account).inventory().bucket == ""
    with pytest.raises(DeployError, match=r"airflow-all is another stack's"):
        deploy(team, account)
    maker[0] = "team-foundation"

    assert destruction(team, account).inventory().bucket == "airflow-all"


def test_the_first_stacks_bucket_is_found_without_its_template(team: Path, account: Target) -> None:
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(
        StackName="team-foundation",
        TemplateBody=FOUNDATION,
        Parameters=[{"ParameterKey": "Name", "ParameterValue": "team"}],
    )
    one = destruction(team, account)
    inventory = one.inventory()
    assert inventory.bucket == "airflow-team"
    one.carry_out(inventory, keep_bucket=False)

    assert one.inventory().is_empty(keep_bucket=False)
    assert [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]] == [BUCKET]


def test_a_bucket_left_from_before_is_told_before_anything_is_made(team: Path, account: Target) -> None:
    (team / "infra" / "foundation.yaml").write_text(FOUNDATION)
    (team / "windtunnel.toml").write_text('[deploy]\nname = "team"\n')
    account.client("s3").create_bucket(Bucket="airflow-team")

    with pytest.raises(DeployError, match="airflow-team is there from an earlier deployment"):
        deploy(team, account)
    assert account.client("cloudformation").list_stacks()["StackSummaries"] == []


def test_no_wait_for_clusters_is_without_an_end(account: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windtunnel.deploy.clusters.LONGEST", 0)
    run(account, "own", "team")
    clusters = Clusters(account, "team", SILENT)
    monkeypatch.setattr(account.client("emr"), "terminate_job_flows", lambda **_: None)

    with pytest.raises(DeployError, match="has not ended the clusters"):
        clusters.end()
