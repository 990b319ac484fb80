"""Real daemons and processes, killed while they work."""

import psutil

from tests.integration.emr.conftest import BUCKET, Stack, kill_9
from tests.waiting import eventually
from windtunnel.hadoop.spec import NODE_MANAGER
from windtunnel.stack.stack import live_clusters

WAITS = "echo ran; until aws s3 ls s3://{bucket}/{go}; do sleep 0.2; done"


def test_a_step_outlives_the_service_and_runs_once(stack: Stack) -> None:
    cluster = stack.run()
    waits = WAITS.format(bucket=BUCKET, go="go/service")
    step = stack.add(cluster, "bash", "-c", waits)
    stack.wait_for_step(cluster, step, "RUNNING")
    before = stack.supervisor.state("emr").pid
    stack.kill("emr")

    def started_again() -> None:
        state = stack.supervisor.state("emr")
        assert state.is_up and state.pid not in (None, before)
        assert live_clusters(stack.settings) is not None

    eventually(started_again)
    stack.put("go/service", "")
    stack.wait_for_step(cluster, step, "COMPLETED")
    assert stack.output(cluster, step).count("ran\n") == 1
    _terminate(stack, cluster)


def test_a_killed_node_manager_is_noticed_and_the_job_still_tells_the_truth(stack: Stack) -> None:
    cluster = stack.run()
    stack.wait_for_cluster(cluster, "WAITING")
    job = stack.put(
        "code/long.py",
        "import time\nfrom pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        "print('up', flush=True)\n"
        "def slow(n):\n    time.sleep(2)\n    return n\n"
        "print('sum', spark.sparkContext.parallelize(range(8), 8).map(slow).sum())\n",
    )
    # A driver asks so long an application master that died together with an executor; 120 s by default.
    step = stack.add(cluster, "spark-submit", "--conf", "spark.rpc.askTimeout=20s", job)

    def is_up() -> None:
        assert "up" in stack.output(cluster, step)

    eventually(is_up, 300)
    workers = stack.emr.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"])["Instances"]
    victim = workers[0]["Ec2InstanceId"]
    [daemon] = [one for one in psutil.process_iter() if _is_node_manager(one, victim)]
    kill_9(daemon.pid)

    def noticed() -> None:
        listed = stack.emr.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"])["Instances"]
        states = {one["Ec2InstanceId"]: one["Status"]["State"] for one in listed}
        assert states.pop(victim) == "TERMINATED"
        assert list(states.values()) == ["RUNNING", "RUNNING"]

    eventually(noticed, 300)
    status = stack.wait_for_step(cluster, step, "COMPLETED", "FAILED")
    # Spark gets by without one of two nodes, unless its application master was there and came back in vain.
    assert ("sum 28" in stack.output(cluster, step)) == (status["State"] == "COMPLETED")
    assert status["State"] == "COMPLETED" or status["FailureDetails"]["Message"]
    _terminate(stack, cluster)


def test_a_bootstrap_action_that_fails_ends_the_cluster_and_leaves_its_logs(stack: Stack) -> None:
    script = stack.put("code/fails.sh", "echo 'no such package' >&2; exit 4\n")
    actions = [{"Name": "fails", "ScriptBootstrapAction": {"Path": script}}]
    cluster = stack.run(BootstrapActions=actions)
    reason = stack.wait_for_cluster(cluster, "TERMINATED_WITH_ERRORS")["StateChangeReason"]
    assert reason["Code"] == "BOOTSTRAP_FAILURE"
    assert "bootstrap action 1 returned a non-zero return code" in reason["Message"]
    found = stack.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"logs/emr/{cluster}/node/")["Contents"]
    assert any(one["Key"].endswith("/bootstrap-actions/1/stderr.gz") for one in found)


def _terminate(stack: Stack, cluster: str) -> None:
    stack.emr.terminate_job_flows(JobFlowIds=[cluster])
    stack.wait_for_cluster(cluster, "TERMINATED")


def _is_node_manager(process: psutil.Process, node: str) -> bool:
    try:
        of_node = process.environ().get("WINDTUNNEL_NODE") == node
        return of_node and f"-Dproc_{NODE_MANAGER}" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
