"""Steps: order, ActionOnFailure, concurrency, cancellation. The processes are real ones."""

import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, is_alive, step
from tests.waiting import eventually
from windtunnel.hadoop import processes

FAILS = ("bash", "-c", "exit 3")


@behaviour("steps", "Steps run one after the other in the order of submission.")
def test_steps_run_one_after_the_other_in_the_order_of_submission(emr: Emr, tmp_path: Path) -> None:
    out = tmp_path / "out"
    steps = [step("bash", "-c", f"echo {n} >> {out}") for n in range(4)]
    cluster = emr.run(*steps)
    emr.wait(cluster, "WAITING", ["COMPLETED"] * 4)
    assert out.read_text().split() == ["0", "1", "2", "3"]


def test_a_cluster_without_keep_alive_ends_when_its_steps_have(emr: Emr) -> None:
    cluster = emr.run(step("true"), Instances={"KeepJobFlowAliveWhenNoSteps": False})
    assert emr.wait(cluster, "TERMINATED", ["COMPLETED"]) == "ALL_STEPS_COMPLETED Steps completed"


@behaviour(
    "steps",
    "ActionOnFailure TERMINATE_CLUSTER ends the cluster: TERMINATED_WITH_ERRORS, STEP_FAILURE; the "
    "pending steps are CANCELLED.",
)
@behaviour("steps", "An ActionOnFailure that is left out counts as TERMINATE_CLUSTER.", "observed")
@behaviour(
    "steps",
    'The reason of a cluster that a failed step ended is "Shut down as step failed".',
    "observed",
)
def test_failed_step_with_terminate_cluster_ends_the_cluster_with_errors(emr: Emr) -> None:
    cluster = emr.run(step(*FAILS, action=None), step("true"))
    reason = emr.wait(cluster, "TERMINATED_WITH_ERRORS", ["FAILED", "CANCELLED"])
    assert reason == "STEP_FAILURE Shut down as step failed"


@behaviour(
    "steps",
    "ActionOnFailure CANCEL_AND_WAIT cancels the pending steps; the cluster is WAITING again.",
)
def test_failed_step_with_cancel_and_wait_cancels_the_pending_ones(emr: Emr) -> None:
    cluster = emr.run(step(*FAILS, action="CANCEL_AND_WAIT"), step("true"), step("true"))
    emr.wait(cluster, "WAITING", ["FAILED", "CANCELLED", "CANCELLED"])


@behaviour("steps", "CANCEL_AND_WAIT ends a cluster that is not kept alive.")
def test_cancel_and_wait_ends_a_cluster_without_keep_alive(emr: Emr) -> None:
    steps = [step(*FAILS, action="CANCEL_AND_WAIT"), step("true")]
    cluster = emr.run(*steps, Instances={"KeepJobFlowAliveWhenNoSteps": False})
    emr.wait(cluster, "TERMINATED", ["FAILED", "CANCELLED"])


@behaviour("steps", "ActionOnFailure CONTINUE lets the next step run.")
def test_failed_step_with_continue_lets_the_next_one_run(emr: Emr) -> None:
    cluster = emr.run(step(*FAILS), step("true"))
    emr.wait(cluster, "WAITING", ["FAILED", "COMPLETED"])


@behaviour(
    "policies",
    "A failed TERMINATE_CLUSTER step leaves a protected cluster up; its pending steps are cancelled.",
    "believed",
)
def test_failed_step_leaves_a_protected_cluster_up(emr: Emr) -> None:
    steps = [step(*FAILS, action="TERMINATE_CLUSTER"), step("true")]
    cluster = emr.run(*steps, Instances={"TerminationProtected": True})
    emr.wait(cluster, "WAITING", ["FAILED", "CANCELLED"])
    emr.client.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False)


@behaviour("steps", "With a StepConcurrencyLevel above 1 steps run side by side.")
def test_concurrent_steps_run_side_by_side(emr: Emr, tmp_path: Path) -> None:
    # Each waits for the other: only side by side can both end.
    meet = "touch {0}/{1}; until test -e {0}/{2}; do sleep 0.05; done"
    steps = [step("bash", "-c", meet.format(tmp_path, one, other)) for one, other in (("a", "b"), ("b", "a"))]
    cluster = emr.run(*steps, StepConcurrencyLevel=2)
    emr.wait(cluster, "WAITING", ["COMPLETED", "COMPLETED"])


@behaviour("steps", "Lowering the StepConcurrencyLevel lets running steps finish.")
def test_a_lower_concurrency_lets_running_steps_finish(emr: Emr, tmp_path: Path) -> None:
    go = tmp_path / "go"
    wait_for_go = step("bash", "-c", f"until test -e {go}; do sleep 0.05; done")
    cluster = emr.run(wait_for_go, wait_for_go, wait_for_go, StepConcurrencyLevel=2)
    emr.wait_for_steps(cluster, "RUNNING", "RUNNING", "PENDING")
    emr.client.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=1)
    go.touch()
    emr.wait(cluster, "WAITING", ["COMPLETED"] * 3)


@behaviour(
    "steps",
    "Above a concurrency of 1 an ActionOnFailure that is left out counts as CONTINUE.",
    "believed",
)
def test_an_omitted_action_counts_as_continue_above_a_concurrency_of_1(emr: Emr) -> None:
    cluster = emr.run(step(*FAILS, action=None), StepConcurrencyLevel=2)
    emr.wait(cluster, "WAITING", ["FAILED"])


@behaviour(
    "steps",
    "Raising the StepConcurrencyLevel above 1 while a step runs takes its ActionOnFailure away: nothing is "
    "cancelled or terminated.",
)
@pytest.mark.parametrize("action", ["TERMINATE_CLUSTER", "CANCEL_AND_WAIT"])
def test_a_raised_concurrency_takes_the_action_on_failure_away(emr: Emr, tmp_path: Path, action: str) -> None:
    go = tmp_path / "go"
    fails = step("bash", "-c", f"until test -e {go}; do sleep 0.05; done; exit 3", action=action)
    cluster = emr.run(fails, step("bash", "-c", f"until test -e {go}-on; do sleep 0.05; done"))
    emr.wait_for_steps(cluster, "RUNNING", "PENDING")
    emr.client.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=2)
    go.touch()
    emr.wait_for_steps(cluster, "FAILED", "RUNNING")
    (tmp_path / "go-on").touch()
    emr.wait(cluster, "WAITING", ["FAILED", "COMPLETED"])


@behaviour(
    "steps",
    "CancelSteps with SEND_INTERRUPT, the default, sends SIGTERM: the program may end by itself.",
)
def test_send_interrupt_lets_the_program_end_by_itself(emr: Emr, tmp_path: Path) -> None:
    said = tmp_path / "said"
    program = f"trap 'echo bye > {said}; exit 1' TERM; echo up > {said}; while :; do sleep 0.05; done"
    cluster = emr.run(step("bash", "-c", program))

    def is_up() -> None:
        assert said.exists() and said.read_text() == "up\n"

    eventually(is_up)
    answer = _cancel(emr, cluster, "SEND_INTERRUPT")
    assert answer == [("SUBMITTED", None)]
    emr.wait(cluster, "WAITING", ["CANCELLED"])
    assert said.read_text() == "bye\n"


@behaviour("steps", "CancelSteps with TERMINATE_PROCESS kills the program and all that it started.")
@behaviour("steps", "A running step that is to be cancelled and still runs is CANCEL_PENDING.")
def test_terminate_process_kills_a_program_that_ignores_sigterm_and_its_children(
    emr: Emr, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    program = f"trap '' TERM; setsid bash -c 'echo $$ > {child}; sleep 1000' & while :; do sleep 0.05; done"
    cluster = emr.run(step("bash", "-c", program))

    def has_child() -> int:
        assert child.exists() and child.read_text().strip()
        return int(child.read_text())

    pid = eventually(has_child)
    _cancel(emr, cluster, "SEND_INTERRUPT")
    assert emr.steps(cluster) == ["CANCEL_PENDING"]
    _cancel(emr, cluster, "TERMINATE_PROCESS")
    emr.wait(cluster, "WAITING", ["CANCELLED"])
    assert not is_alive(pid)


@behaviour("steps", "A pending step is cancelled at once and never runs.")
def test_a_pending_step_is_cancelled_at_once_and_never_runs(emr: Emr, tmp_path: Path) -> None:
    ran, go = tmp_path / "ran", tmp_path / "go"
    first = step("bash", "-c", f"until test -e {go}; do sleep 0.05; done")
    cluster = emr.run(first, step("touch", str(ran)))
    emr.wait_for_steps(cluster, "RUNNING", "PENDING")
    pending = emr.client.list_steps(ClusterId=cluster, StepStates=["PENDING"])["Steps"][0]["Id"]
    emr.client.cancel_steps(ClusterId=cluster, StepIds=[pending])
    assert emr.steps(cluster) == ["RUNNING", "CANCELLED"]
    go.touch()
    emr.wait(cluster, "WAITING", ["COMPLETED", "CANCELLED"])
    assert not ran.exists()


@behaviour("steps", "Cancelling a step does not set off its ActionOnFailure.")
def test_cancelling_sets_off_no_action_on_failure(emr: Emr) -> None:
    cluster = emr.run(step("sleep", "1000", action="TERMINATE_CLUSTER"), step("true"))
    emr.wait_for_steps(cluster, "RUNNING", "PENDING")
    first = emr.client.list_steps(ClusterId=cluster, StepStates=["RUNNING"])["Steps"][0]["Id"]
    emr.client.cancel_steps(ClusterId=cluster, StepIds=[first], StepCancellationOption="TERMINATE_PROCESS")
    emr.wait(cluster, "WAITING", ["CANCELLED", "COMPLETED"])


@behaviour("steps", "CancelSteps answers each step with SUBMITTED, or FAILED and a reason.")
def test_cancelling_what_has_ended_or_never_was_answers_failed_with_a_reason(emr: Emr) -> None:
    cluster = emr.run(step("true"))
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    [(status, reason)] = _cancel(emr, cluster, "SEND_INTERRUPT")
    assert status == "FAILED" and reason and "COMPLETED" in reason
    answer = emr.client.cancel_steps(ClusterId=cluster, StepIds=["s-NEVER"])["CancelStepsInfoList"]
    assert answer == [{"StepId": "s-NEVER", "Status": "FAILED", "Reason": "Step does not exist."}]


@behaviour("failures", "A failed step's FailureDetails tell the exception and the log that it stands in.")
def test_a_failed_step_tells_the_exception_and_where_it_stands(emr: Emr) -> None:
    cluster = emr.run(step("python3", "-c", "raise ValueError('no such header')"))
    emr.wait(cluster, "WAITING", ["FAILED"])
    details = emr.client.list_steps(ClusterId=cluster)["Steps"][0]["Status"]["FailureDetails"]
    assert details["Message"] == "ValueError: no such header"
    assert "no such header" in Path(details["LogFile"]).read_text()


@behaviour("failures", "A step whose program isn't on the PATH fails, and says which.", "believed")
def test_a_program_that_is_not_there_fails_with_a_sentence(emr: Emr) -> None:
    cluster = emr.run(step("no-such-program"))
    emr.wait(cluster, "WAITING", ["FAILED"])
    details = emr.client.list_steps(ClusterId=cluster)["Steps"][0]["Status"]["FailureDetails"]
    assert "no-such-program" in details["Message"]


@behaviour("failures", "A step is COMPLETED with exit code 0 only; any other, or a signal, is FAILED.")
def test_a_step_that_ended_without_an_exception_tells_its_exit_code_and_its_last_line(emr: Emr) -> None:
    cluster = emr.run(step("bash", "-c", "echo no such table >&2; exit 3"), step("bash", "-c", "kill -9 $$"))
    emr.wait(cluster, "WAITING", ["FAILED", "FAILED"])
    killed, failed = (
        one["Status"]["FailureDetails"]["Message"]
        for one in emr.client.list_steps(ClusterId=cluster)["Steps"]
    )
    assert "exit code 3" in failed and failed.endswith("its last line: no such table")
    assert "ended by signal 9" in killed


def test_a_step_that_cannot_be_launched_fails_alone(emr: Emr, monkeypatch: pytest.MonkeyPatch) -> None:
    real = processes.launch

    def launch(folder: Path, request: processes.Request) -> None:
        if "never" in request.argv:
            raise processes.ProcessError("no process can be started")
        real(folder, request)

    monkeypatch.setattr(processes, "launch", launch)
    cluster = emr.run(step("echo", "never"), step("true"))
    emr.wait(cluster, "WAITING", ["FAILED", "COMPLETED"])
    details = emr.client.list_steps(ClusterId=cluster)["Steps"][1]["Status"]["FailureDetails"]
    assert details["Message"] == "The step could not be launched: no process can be started"
    assert "could not be launched" in Path(details["LogFile"]).read_text()


def test_what_a_step_leaves_in_the_background_ends_with_it(emr: Emr, tmp_path: Path) -> None:
    child = tmp_path / "child"
    cluster = emr.run(step("bash", "-c", f"setsid sleep 1000 & echo $! > {child}"))
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    assert not is_alive(int(child.read_text()))


@behaviour(
    "steps",
    "256 steps may be pending or running: \"Maximum number of active steps(State = 'Running', "
    "'Pending' or 'Cancel_Pending') for cluster exceeded.\"",
    "observed",
)
def test_the_256th_active_step_is_the_last_that_is_taken(emr: Emr) -> None:
    emr.health.starting = True
    cluster = emr.run(*[step("true")] * 200)
    emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=[step("true")] * 56)  # type: ignore[list-item]
    with pytest.raises(ClientError, match="Maximum number of active steps"):
        emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=[step("true")])  # type: ignore[list-item]


@behaviour(
    "steps",
    'AddJobFlowSteps to a cluster that has ended is a ValidationException: "A job flow that is '
    'shutting down, terminated, or finished may not be modified."',
    "observed",
)
def test_a_cluster_that_has_ended_takes_no_step(emr: Emr) -> None:
    cluster = emr.run(Instances={"KeepJobFlowAliveWhenNoSteps": False})
    emr.wait(cluster, "TERMINATED")
    with pytest.raises(ClientError, match="shutting down, terminated, or finished may not be modified"):
        emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=[step("true")])  # type: ignore[list-item]


@behaviour(
    "steps",
    "Above a concurrency of 1 only CONTINUE is taken: \"Action on failure 'CANCEL_AND_WAIT' is invalid.\"",
    "observed",
)
def test_above_a_concurrency_of_1_only_continue_is_taken(emr: Emr) -> None:
    cluster = emr.run(StepConcurrencyLevel=2)
    with pytest.raises(ClientError, match="Action on failure 'CANCEL_AND_WAIT' is invalid"):
        emr.client.add_job_flow_steps(JobFlowId=cluster, Steps=[step("true", action="CANCEL_AND_WAIT")])  # type: ignore[list-item]


@behaviour("steps", "A step's timeline tells when it was created, began and ended.")
def test_a_step_has_its_times_in_order(emr: Emr) -> None:
    before = time.time() - 1
    cluster = emr.run(step("true"))
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    timeline = emr.client.list_steps(ClusterId=cluster)["Steps"][0]["Status"]["Timeline"]
    created, started, ended = (timeline[f"{which}DateTime"] for which in ("Creation", "Start", "End"))  # type: ignore[literal-required]
    assert before <= created.timestamp() <= started.timestamp() <= ended.timestamp() <= time.time()


def _cancel(emr: Emr, cluster: str, option: str) -> list[tuple[str, str | None]]:
    [first] = emr.client.list_steps(ClusterId=cluster)["Steps"]
    answers = emr.client.cancel_steps(
        ClusterId=cluster,
        StepIds=[first["Id"]],
        StepCancellationOption=option,  # type: ignore[arg-type]
    )["CancelStepsInfoList"]
    return [(answer["Status"], answer.get("Reason")) for answer in answers]
