"""What becomes of one cluster each: together, every way that a cluster, a step, a group or an instance can take."""

from typing import Any

from tests.emr import step
from tests.lives import CANNOT_BE_HAD, TAKES_FOREVER, Tale, Users
from windtunnel.emr.states import ACTIVE_STEP_STATES

WAIT = "exec sleep 1000"
GROWS = "! test -e $HERE/grows || exec sleep 1000"
TWO_NODES = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 2, "KeepJobFlowAliveWhenNoSteps": True}
ENDS_BY_ITSELF = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": False}
RECONFIGURED = {"Classification": "yarn-site", "Properties": {"a": "b"}}
STUBBORN = (
    'trap "touch $HERE/told" TERM; echo stubborn >> $HERE/ran; until test -e $HERE/told; do sleep .05; done'
)


def runs(name: str, then: str = "true", action: str = "CONTINUE") -> dict[str, Any]:
    """A step that writes down that it ran."""
    return step("bash", "-c", f"echo {name} >> $HERE/ran; {then}", action=action, name=name)


def script(name: str, then: str = "true") -> dict[str, Any]:
    """The same as a bootstrap action."""
    action = {"Path": "-c", "Args": [f"echo {name} >> $HERE/ran; {then}"]}
    return {"Name": name, "ScriptBootstrapAction": action}


def terminate(users: Users, cluster_id: str) -> None:
    users.ask("TerminateJobFlows", JobFlowIds=[cluster_id])


def cancel(users: Users, cluster_id: str, name: str, option: str = "SEND_INTERRUPT") -> None:
    """Cancel the step as soon as it runs."""
    step_id, state = users.steps(cluster_id)[name]
    if state == "RUNNING" and users.ran(name):
        users.ask("CancelSteps", ClusterId=cluster_id, StepIds=[step_id], StepCancellationOption=option)


def _busy(users: Users, cluster_id: str, state: str) -> None:
    steps = users.steps(cluster_id)
    if "interrupted" in steps:
        if steps["unwanted"][1] == "PENDING":
            users.ask("CancelSteps", ClusterId=cluster_id, StepIds=[steps["unwanted"][0]])
        cancel(users, cluster_id, "interrupted")
        cancel(users, cluster_id, "stubborn")
        cancel(users, cluster_id, "killed", "TERMINATE_PROCESS")
        if all(one not in ACTIVE_STEP_STATES for _, one in steps.values()):
            terminate(users, cluster_id)
    elif state == "WAITING":
        stubborn = step("bash", "-c", STUBBORN, name="stubborn")
        more = [runs("interrupted", WAIT), stubborn, runs("killed", WAIT), runs("unwanted")]
        users.ask("AddJobFlowSteps", JobFlowId=cluster_id, Steps=more)


def _ended_amid_its_steps(users: Users, cluster_id: str, state: str) -> None:
    states = {name: state for name, (_, state) in users.steps(cluster_id).items()}
    if states["fails beside"] == "FAILED" and users.ran("first") and users.ran("second"):
        if states["deaf"] == "RUNNING":
            cancel(users, cluster_id, "deaf")
        elif states["deaf"] == "CANCEL_PENDING":
            terminate(users, cluster_id)


def _given_work_late(users: Users, cluster_id: str, state: str) -> None:
    if state == "WAITING" and not users.steps(cluster_id):
        users.ask("AddJobFlowSteps", JobFlowId=cluster_id, Steps=[runs("late", WAIT)])
    elif state == "RUNNING" and users.ran("late"):
        terminate(users, cluster_id)


def _terminated_while_it_starts(users: Users, cluster_id: str, state: str) -> None:
    terminate(users, cluster_id)


def _terminated_while_it_boots(users: Users, cluster_id: str, state: str) -> None:
    if users.ran("boots-long"):
        terminate(users, cluster_id)


def _loses_a_worker(users: Users, cluster_id: str, state: str) -> None:
    if state == "WAITING":
        users.lose(cluster_id, "node/*/daemons/worker")
        nodes = users.ask("ListInstances", ClusterId=cluster_id)["Instances"]
        if len(nodes) == 3 and sorted(one["Status"]["State"] for one in nodes)[:2] == ["RUNNING", "RUNNING"]:
            terminate(users, cluster_id)


def _loses_a_worker_at_its_start(users: Users, cluster_id: str, state: str) -> None:
    if state == "BOOTSTRAPPING":
        users.lose(cluster_id, "node/*/daemons/worker")
    elif state == "WAITING":
        terminate(users, cluster_id)


def _loses_its_master(users: Users, cluster_id: str, state: str) -> None:
    if state == "WAITING":
        users.lose(cluster_id, "daemons/master")


def _core(users: Users, cluster_id: str) -> dict[str, Any]:
    groups = users.ask("ListInstanceGroups", ClusterId=cluster_id)["InstanceGroups"]
    return next(one for one in groups if one["InstanceGroupType"] == "CORE")


def _modify(users: Users, cluster_id: str, **change: Any) -> None:
    group = {"InstanceGroupId": _core(users, cluster_id)["Id"], **change}
    users.ask("ModifyInstanceGroups", ClusterId=cluster_id, InstanceGroups=[group])


def _resized(users: Users, cluster_id: str, state: str) -> None:
    if state != "WAITING" or (core := _core(users, cluster_id))["Status"]["State"] != "RUNNING":
        return
    nodes = users.ask("ListInstances", ClusterId=cluster_id)["Instances"]
    if len(nodes) == 2:
        _modify(users, cluster_id, InstanceCount=2)
    elif core["RequestedInstanceCount"] == 2:
        _modify(users, cluster_id, InstanceCount=1)
    elif not core["Configurations"]:
        _modify(users, cluster_id, Configurations=[RECONFIGURED])
    else:
        terminate(users, cluster_id)


def _ended_while_it_grows(users: Users, cluster_id: str, state: str) -> None:
    if state == "WAITING":
        (users.folder / "grows").touch()
        if _core(users, cluster_id)["RequestedInstanceCount"] == 1:
            _modify(users, cluster_id, InstanceCount=2)
        else:
            terminate(users, cluster_id)


TALES = {
    "busy": Tale(
        ("TERMINATED", "USER_REQUEST"),
        {
            **{"works": "COMPLETED", "fails": "FAILED", "fails for all": "FAILED", "waited": "CANCELLED"},
            **{"interrupted": "CANCELLED", "stubborn": "COMPLETED", "killed": "CANCELLED"},
            "unwanted": "CANCELLED",
        },
        {
            "BootstrapActions": [script("boots"), script("boots-again")],
            "Steps": [
                *(runs("works"), runs("fails", "exit 3")),
                *(runs("fails for all", "exit 4", "CANCEL_AND_WAIT"), runs("waited")),
            ],
        },
        _busy,
    ),
    "ended amid its steps": Tale(
        ("TERMINATED", "USER_REQUEST"),
        {
            **{"first": "CANCELLED", "second": "CANCELLED", "fails beside": "FAILED", "deaf": "CANCELLED"},
            "never": "CANCELLED",
        },
        {
            "StepConcurrencyLevel": 3,
            "Steps": [
                *(runs("first", WAIT), runs("second", WAIT), runs("fails beside", "exit 5")),
                *(runs("deaf", "trap '' TERM; " + WAIT), runs("never")),
            ],
        },
        _ended_amid_its_steps,
    ),
    "ends by itself": Tale(
        ("TERMINATED", "ALL_STEPS_COMPLETED"),
        {"one": "COMPLETED", "two": "COMPLETED"},
        {"Instances": ENDS_BY_ITSELF, "Steps": [runs("one"), runs("two")]},
    ),
    "ends with its step": Tale(
        ("TERMINATED_WITH_ERRORS", "STEP_FAILURE"),
        {"fatal": "FAILED", "after": "CANCELLED"},
        {"Steps": [runs("fatal", "exit 6", "TERMINATE_CLUSTER"), runs("after")]},
    ),
    "given work late": Tale(("TERMINATED", "USER_REQUEST"), {"late": "CANCELLED"}, {}, _given_work_late),
    "idle": Tale(("TERMINATED", "ALL_STEPS_COMPLETED"), {}, {"AutoTerminationPolicy": {"IdleTimeout": 1}}),
    "can't boot": Tale(
        ("TERMINATED_WITH_ERRORS", "BOOTSTRAP_FAILURE"),
        {"not begun": "CANCELLED"},
        {"BootstrapActions": [script("fails-to-boot", "exit 7")], "Steps": [runs("not begun")]},
    ),
    "ended while it boots": Tale(
        ("TERMINATED", "USER_REQUEST"),
        {},
        {"BootstrapActions": [script("boots-long", WAIT)]},
        _terminated_while_it_boots,
    ),
    "can't be installed": Tale(
        ("TERMINATED_WITH_ERRORS", "INTERNAL_ERROR"), {}, {"ReleaseLabel": CANNOT_BE_HAD}
    ),
    "ended while it starts": Tale(
        ("TERMINATED", "USER_REQUEST"), {}, {"ReleaseLabel": TAKES_FOREVER}, _terminated_while_it_starts
    ),
    "loses a worker": Tale(("TERMINATED", "USER_REQUEST"), {}, {"Instances": TWO_NODES}, _loses_a_worker),
    "loses a worker at its start": Tale(
        ("TERMINATED", "USER_REQUEST"), {}, {"Instances": TWO_NODES}, _loses_a_worker_at_its_start
    ),
    "resized": Tale(("TERMINATED", "USER_REQUEST"), {}, {"Instances": TWO_NODES}, _resized),
    "ended while it grows": Tale(
        ("TERMINATED", "USER_REQUEST"),
        {},
        {
            "Instances": TWO_NODES,
            "BootstrapActions": [{"Name": "grows", "ScriptBootstrapAction": {"Path": "-c", "Args": [GROWS]}}],
        },
        _ended_while_it_grows,
    ),
    "loses its master": Tale(("TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE"), {}, {}, _loses_its_master),
}
