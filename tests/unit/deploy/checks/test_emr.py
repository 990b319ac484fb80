from pathlib import Path
from typing import Any

import pytest

from tests.checking import BUCKET, make_project, subject_of
from windtunnel.deploy.checks import emr
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.dags import EmrTask, LoadedDags, Place
from windtunnel.deploy.findings import Finding

MASTER = {"Name": "Master", "InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
CORE = {"Name": "Core", "InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2}
STEP = {
    "Name": "average",
    "ActionOnFailure": "CONTINUE",
    "HadoopJarStep": {
        "Jar": "command-runner.jar",
        "Args": ["spark-submit", "--deploy-mode", "cluster", f"s3://{BUCKET}/spark/job.py"],
    },
}
CODE = '# line 1\nTYPE = "m9.huge"\nLABEL = "emr-7.99.0"\n\n\nEmrCreateJobFlowOperator()\n'
LINE = 6


def request(**members: Any) -> dict[str, Any]:
    """One that EMR takes, but for these members; None leaves one out."""
    good = {
        "Name": "{{ dag.dag_id }}",
        "ReleaseLabel": "emr-7.13.0",
        "Applications": [{"Name": "Hadoop"}, {"Name": "Spark"}],
        "LogUri": f"s3://{BUCKET}/logs/",
        "Instances": instances(),
        "ServiceRole": "EmrRole",
        "JobFlowRole": "EmrProfile",
        "Steps": [STEP],
    }
    return {name: one for name, one in (good | members).items() if one is not None}


def instances(**members: Any) -> dict[str, Any]:
    good = {"InstanceGroups": [MASTER, CORE], "Ec2SubnetId": "subnet-1", "KeepJobFlowAliveWhenNoSteps": True}
    return {name: one for name, one in (good | members).items() if one is not None}


def of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *given: Any, connection: str | None = None
) -> list[Finding]:
    """What is said of DAGs that ask for these clusters."""
    project = make_project(tmp_path / "p", dags__one_py=CODE, spark__job_py="")
    place = Place(project / "dags" / "one.py", LINE)
    tasks = [EmrTask(f"dag{n}", "create", place, one, connection) for n, one in enumerate(given)]
    return _found(monkeypatch, project, requests=tasks, steps=[])


def of_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any) -> list[Finding]:
    project = make_project(tmp_path / "p", dags__one_py=CODE, spark__job_py="")
    task = EmrTask("dag0", "add", Place(project / "dags" / "one.py", LINE), given)
    return _found(monkeypatch, project, requests=[], steps=[task])


def _found(monkeypatch: pytest.MonkeyPatch, project: Path, **tasks: list[EmrTask]) -> list[Finding]:
    loaded = LoadedDags(dags={}, problems=[], touches=[], reads=[], skipped=[], slow=[], limit=30, **tasks)
    monkeypatch.setattr(Subject, "_dags", lambda _: loaded)
    return list(emr.findings(subject_of(project)))


def test_a_request_that_emr_takes_has_no_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleets = instances(
        InstanceGroups=None,
        Ec2SubnetId=None,
        Ec2SubnetIds=["subnet-1"],
        InstanceFleets=[
            {
                "InstanceFleetType": "MASTER",
                "TargetOnDemandCapacity": 1,
                "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}],
            }
        ],
    )

    assert of(tmp_path, monkeypatch, request(), request(Instances=fleets)) == []


def test_nothing_is_said_of_requests_while_a_template_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path / "p", infra__foundation_yaml="Resources: [")

    assert of(tmp_path, monkeypatch, request(Instances=instances(Ec2SubnetId=None))) == []


@pytest.mark.parametrize(
    ("given", "line", "said"),
    [
        (request(ReleaseLabel="emr-7.99.0"), 3, "EMR has no release emr-7.99.0"),
        (request(ReleaseLabel=None), LINE, "ReleaseLabel is required"),
        (request(Applications=[{"Name": "Sprak"}]), LINE, "no application 'Sprak'"),
        (request(ReleaseLabel="emr-spark-8.0.0"), LINE, "emr-spark-8.0.0 has no application Hadoop"),
        (request(Instances=instances(InstanceGroups=[MASTER | {"InstanceType": "m9.huge"}])), 2, "'m9.huge'"),
        (
            request(
                ReleaseLabel="emr-6.1.0",
                Instances=instances(InstanceGroups=[MASTER | {"InstanceType": "m7g.xlarge"}]),
            ),
            LINE,
            "'m7g.xlarge' is not supported by emr-6.1.0",
        ),
        (
            request(Instances=instances(InstanceGroups=[MASTER, CORE | {"InstanceCount": 0}])),
            LINE,
            "at least 1",
        ),
        (request(Instances=instances(InstanceGroups=[MASTER | {"InstanceCount": 2}])), LINE, "one or three"),
        (request(Instances=instances(InstanceGroups=[CORE])), LINE, "exactly one MASTER"),
        (request(Instances=instances(Ec2SubnetId="local")), LINE, "begins with subnet-"),
        (request(Instances=instances(ServiceAccessSecurityGroup="local")), LINE, "begins with sg-"),
        (request(Instances=None), LINE, "instances' failed to satisfy"),
        (request(Instancess={}), LINE, "no member 'Instancess'"),
        (request(JobFlowRole=None), LINE, "InstanceProfile is required"),
        (request(ServiceRole=""), LINE, "ServiceRole is required"),
        (request(LogUri="logs/"), LINE, "LogUri"),
        (request(StepConcurrencyLevel=300), LINE, "256"),
        (request(AutoTerminationPolicy={"IdleTimeout": 5}), LINE, "60 to 604800"),
        (request(Configurations=[{"Classification": "spork"}]), LINE, "'spork' is not supported"),
        (request(Tags=[{"Key": "aws:x", "Value": "y"}]), LINE, "aws:"),
        (request(Steps=[STEP | {"HadoopJarStep": {"Jar": "command-runner.jar"}}]), LINE, "no Args"),
        (request(Steps=[{"Name": "x"}]), LINE, "hadoopJarStep"),
        (
            request(StepConcurrencyLevel=2, Steps=[STEP | {"ActionOnFailure": "CANCEL_AND_WAIT"}]),
            LINE,
            "Action on failure 'CANCEL_AND_WAIT' is invalid",
        ),
        ("['a', 'list']", LINE, "the operator takes a request"),
        ('{"Name": true}', LINE, "the operator takes a request"),
    ],
)
def test_what_emr_refuses_is_an_error_at_the_task_or_at_the_text_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, line: int, said: str
) -> None:
    (finding,) = of(tmp_path, monkeypatch, given)

    assert (finding.place, finding.rule, finding.level) == (f"dags/one.py:{line}", "emr", "error")
    assert finding.why.startswith("dag0.create: ") and said in finding.why


def test_each_wrong_member_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = request(
        ReleaseLabel="emr-7.99.0",
        Applications=[{"Name": "Sprak"}],
        Instances=instances(
            InstanceGroups=[MASTER | {"InstanceType": "m9.huge"}, CORE | {"InstanceCount": 0}]
        ),
        Tags=[{"Key": "aws:x"}],
        Steps=[STEP | {"HadoopJarStep": {"Jar": ""}}],
    )

    findings = of(tmp_path, monkeypatch, wrong)

    for said in ("emr-7.99.0", "Sprak", "m9.huge", "InstanceCount", "aws:x", "Jar of step"):
        assert [one for one in findings if said in one.why], said
    assert len(findings) == 6


def test_the_same_request_of_two_dags_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(of(tmp_path, monkeypatch, request(JobFlowRole=None), request(JobFlowRole=None))) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (request(Instances=instances(Ec2SubnetId=None)), "no subnet"),
        (request(ServiceRole="arn:aws:iam::111122223333:role/x"), "account 111122223333"),
    ],
)
def test_what_works_in_some_accounts_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, said: str
) -> None:
    (finding,) = of(tmp_path, monkeypatch, given)

    assert finding.level == "warning" and said in finding.why


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (request(Applications=[{"Name": "Hive"}, {"Name": "Spark"}]), "Hive was not tried"),
        (request(SecurityConfiguration="mine"), "SecurityConfiguration was not tried"),
        (request(ReleaseLabel="emr-5.36.0"), "emr-5.36.0 was not tried"),
        (request(Configurations=[{"Classification": "livy-conf"}]), "livy-conf was not tried"),
        (
            request(Instances=instances(InstanceGroups=[MASTER | {"InstanceCount": 3}, CORE])),
            "one master node was not",
        ),
        (
            request(Steps=[STEP | {"HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["hive", "-f"]}}]),
            "Hive",
        ),
    ],
)
def test_what_only_amazon_emr_runs_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, said: str
) -> None:
    (finding,) = of(tmp_path, monkeypatch, given)

    assert finding.level == "note" and said in finding.why


def test_what_is_not_tried_hides_no_error_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = request(
        SecurityConfiguration="mine",
        Applications=[{"Name": "Hive"}],
        AutoTerminationPolicy={"IdleTimeout": 5},
    )

    levels = sorted(one.level for one in of(tmp_path, monkeypatch, given))

    assert levels == ["error", "note", "note"]


@pytest.mark.parametrize(
    "given",
    [
        "{{ params.request }}",
        request(
            ReleaseLabel="{{ params.label }}", LogUri="{{ x }}", ServiceRole="{{ x }}", JobFlowRole="{{ x }}"
        ),
        request(Instances="{{ params.instances }}"),
        request(Instances=instances(InstanceGroups="{{ x }}")),
        request(Instances=instances(InstanceGroups=["{{ x }}", CORE])),
        request(Instances=instances(InstanceGroups=[MASTER | {"InstanceRole": "{{ x }}"}])),
        request(Instances=instances(InstanceGroups=None, InstanceFleets=["{{ x }}"])),
        request(Steps=[{"Name": "x", "HadoopJarStep": "{{ x }}"}, "{{ x }}"], BootstrapActions=["{{ x }}"]),
        request(Applications="{{ x }}", Steps="{{ x }}", Tags="{{ x }}", Configurations="{{ x }}"),
        request(
            Applications=[{"Name": "{{ x }}"}], StepConcurrencyLevel="{{ x }}", VisibleToAllUsers="{{ x }}"
        ),
        request(Instances=instances(Ec2SubnetId="{{ x }}", InstanceGroups=[MASTER | {"Market": "{{ x }}"}])),
        request(
            Instances=instances(
                InstanceGroups=[MASTER | {"InstanceType": "{{ x }}", "InstanceCount": "{{ x }}"}]
            )
        ),
        request(Steps=[STEP | {"HadoopJarStep": {"Jar": "{{ x }}", "Args": ["s3://{{ x }}/spark/none.py"]}}]),
        request(
            ReleaseLabel="{{ x }}",
            Instances=instances(InstanceGroups=[MASTER | {"InstanceType": "m3.xlarge"}]),
        ),
    ],
)
def test_what_a_run_renders_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any
) -> None:
    assert of(tmp_path, monkeypatch, given) == []


def test_members_of_a_connection_are_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(tmp_path, monkeypatch, {}, {"Name": "x"}, connection="emr_default") == []


@pytest.mark.parametrize(
    "members",
    [
        {"Steps": [STEP | {"HadoopJarStep": {"Jar": f"s3://{BUCKET}/spark/none.jar"}}]},
        {
            "Steps": [
                STEP
                | {
                    "HadoopJarStep": {
                        "Jar": "command-runner.jar",
                        "Args": ["x", f"s3a://{BUCKET}/spark/none.py#a"],
                    }
                }
            ]
        },
        {
            "BootstrapActions": [
                {"Name": "b", "ScriptBootstrapAction": {"Path": f"s3://{BUCKET}/spark/none.sh", "Args": []}}
            ]
        },
    ],
)
def test_code_that_nothing_uploads_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, Any]
) -> None:
    (finding,) = of(tmp_path, monkeypatch, request(**members))

    assert finding.level == "error" and "uploaded from spark/none" in finding.why


@pytest.mark.parametrize(
    "argument",
    [
        f"s3://{BUCKET}/data/x.csv",
        f"s3://{BUCKET}/spark/",
        "s3://other/spark/none.py",
        f"s3://{BUCKET}/spark/*.py",
    ],
)
def test_addresses_of_what_is_no_code_of_the_project_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    step = STEP | {"HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", argument]}}

    assert of(tmp_path, monkeypatch, request(Steps=[step])) == []


def test_steps_that_are_added_later_are_held_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = STEP | {
        "HadoopJarStep": {
            "Jar": "command-runner.jar",
            "Args": ["spark-submit", "--py-files", f"s3://{BUCKET}/spark/a.zip,s3://{BUCKET}/spark/job.py"],
        }
    }

    assert (
        of_steps(tmp_path, monkeypatch, [STEP]) == of_steps(tmp_path, monkeypatch, "{{ params.steps }}") == []
    )
    (finding,) = of_steps(tmp_path, monkeypatch, [missing])
    assert "spark/a.zip" in finding.why and finding.why.startswith("dag0.add: ")
    (finding,) = of_steps(tmp_path, monkeypatch, [STEP | {"ActionOnFailure": "GO_ON"}])
    assert finding.level == "error" and "actionOnFailure" in finding.why
