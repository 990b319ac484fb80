"""One cluster, a master and two workers, and what runs on it."""

import dataclasses
import socket
import sys
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from tests.integration.hadoop.conftest import START_SECONDS, Running, answers, new_cluster, new_node
from tests.ports import listening
from tests.waiting import wait_until
from windtunnel.hadoop.cluster import Cluster, ClusterSpec
from windtunnel.hadoop.distribution import Distribution
from windtunnel.hadoop.processes import ProcessState, observe

NOTICED_SECONDS = 120
JOB = """
import os, sys
from pyspark.sql import SparkSession

def of_executor(_):
    import boto3
    buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    yield os.environ["WINDTUNNEL_CLUSTER"], os.environ["WINDTUNNEL_NODE"], sys.executable, buckets

spark = SparkSession.builder.appName("tiny").getOrCreate()
spark.range(100).write.mode("overwrite").csv(sys.argv[1])
print("APPLICATION", spark.sparkContext.applicationId)
print("COUNT", spark.read.csv(sys.argv[1]).count())
print("CONF", spark.conf.get("spark.windtunnel.test"))
print("ENV", os.environ.get("OF_SPARK_ENV"))
print("EXECUTOR", *spark.sparkContext.parallelize([1], 1).mapPartitions(of_executor).first())
"""


def said(stdout: str) -> dict[str, str]:
    return {name: rest for name, _, rest in (line.partition(" ") for line in stdout.splitlines())}


def test_hdfs_is_out_of_safe_mode_and_the_pages_that_are_linked_answer(running: Running) -> None:
    status = running.cluster.observe(running.nodes)
    assert status.master.safe_mode is False
    assert [node.registered for node in status.nodes.values()] == [True, True]
    links = running.cluster.links()
    assert {"YARN ResourceManager", "HDFS NameNode"} <= links.keys()
    for name in ("YARN ResourceManager", "HDFS NameNode"):
        page = httpx.get(links[name], trust_env=False, follow_redirects=True, timeout=60)
        assert page.status_code == 200
        assert "html" in page.headers["Content-Type"]


def test_the_daemons_of_a_node_are_one_process_on_the_java_of_the_distribution(running: Running) -> None:
    spec = running.cluster.spec
    folders = [spec.master_process, *(node.process for node in running.nodes)]
    java = spec.distribution.java.resolve()
    assert [Path(psutil.Process(observe(folder).pid).exe()) for folder in folders] == [java] * 3


def test_each_daemon_has_a_log_of_its_own(running: Running) -> None:
    spec = running.cluster.spec
    for folder, name, other in (
        (spec.folder, "hdfs-namenode", "hdfs.server.datanode"),
        (spec.folder, "yarn-resourcemanager", "hdfs.server.namenode"),
        (running.nodes[0].folder, "hdfs-datanode", "yarn.server.nodemanager"),
        (running.nodes[0].folder, "yarn-nodemanager", "hdfs.server.datanode"),
    ):
        [log] = folder.glob(f"applications/*/hadoop-{name}.log")
        said = log.read_text()
        system, daemon = name.split("-")
        assert f"org.apache.hadoop.{system}.server.{daemon}" in said
        assert f"org.apache.hadoop.{other}" not in said


@pytest.mark.parametrize("policy", ["NONE", "LENIENT"])
def test_yarn_has_a_key_for_its_proxy_where_its_applications_have_https(
    distribution: Distribution, tmp_path: Path, policy: str
) -> None:
    https = {"yarn-site": {"yarn.resourcemanager.application-https.policy": policy}}
    spec = dataclasses.replace(new_cluster(distribution, tmp_path, "").spec, configurations=https)
    cluster = Cluster(spec)
    cluster.prepare()
    try:
        cluster.start_master()
        wait_until(
            lambda: "Transitioned to active state" in _log(spec, "yarn-resourcemanager"), START_SECONDS
        )
        assert ("Created Certificate" in _log(spec, "yarn-resourcemanager")) is (policy != "NONE")
    finally:
        cluster.stop()


def _log(spec: ClusterSpec, daemon: str) -> str:
    return "".join(log.read_text() for log in spec.folder.glob(f"applications/*/hadoop-{daemon}.log"))


@pytest.mark.skipif(sys.platform != "linux", reason="psutil tells what is mapped on Linux only")
def test_each_node_takes_its_classes_from_the_archive(running: Running) -> None:
    spec = running.cluster.spec
    archive = str(spec.distribution.hadoop_archive)
    for folder in (spec.master_process, running.nodes[0].process):
        mapped = [one.path for one in psutil.Process(observe(folder).pid).memory_maps(grouped=False)]
        assert mapped.count(archive) > 1


def test_nothing_listens_but_on_the_loopback_interface(running: Running) -> None:
    cluster = running.cluster.spec.id
    ours = [p for p in psutil.process_iter() if environment(p).get("WINDTUNNEL_CLUSTER") == cluster]
    assert {address.ip for address in listening(ours)} == {"127.0.0.1"}


def environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def test_hdfs_has_emrs_directories_and_keeps_files_of_user_hadoop(running: Running, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("words")
    running.run("hdfs", "dfs", "-put", str(tmp_path / "file"), "hdfs:///tmp/")
    assert running.run("hadoop", "fs", "-cat", "hdfs:///tmp/file").stdout == "words"
    listed = running.run("hdfs", "dfs", "-ls", "-C", "-d", "/user/hadoop", "/var/log/spark/apps").stdout
    assert listed.split() == ["/user/hadoop", "/var/log/spark/apps"]
    assert " hadoop " in running.run("hdfs", "dfs", "-ls", "hdfs:///tmp/").stdout


def test_every_scheme_of_s3_reaches_the_endpoint(running: Running) -> None:
    address = running.put("schemes/in.txt", "words")
    running.run("hadoop", "fs", "-cp", "-f", address, "hdfs:///tmp/in.txt")
    running.run("hadoop", "fs", "-cp", "hdfs:///tmp/in.txt", "s3a://tests/schemes/out.txt")
    assert running.run("aws", "s3", "cp", "s3://tests/schemes/out.txt", "-").stdout == "words"
    assert running.run("hadoop", "fs", "-cat", "s3n://tests/schemes/out.txt").stdout == "words"


def test_yarns_command_line_knows_the_nodes(running: Running) -> None:
    ports = [node.ports.node_manager for node in running.nodes]
    listed = running.run("yarn", "node", "-list").stdout.split()
    assert {f"localhost:{port}" for port in ports} <= set(listed)


def test_spark_submit_in_client_mode(running: Running) -> None:
    script = running.put("client/job.py", JOB)

    step = running.run("spark-submit", "--deploy-mode", "client", script, "s3://tests/client/out")

    lines = said(step.stdout)
    spec = running.cluster.spec
    assert lines["COUNT"] == "100"
    assert lines["CONF"] == "of the cluster"
    assert lines["ENV"] == str(spec.spark_conf)
    cluster, node, python, buckets = lines["EXECUTOR"].split(" ", 3)
    assert cluster == spec.id
    assert node in {one.id for one in running.nodes}
    assert python == str(spec.python)
    assert buckets == "['tests']"
    assert f"Submitted application {lines['APPLICATION']}" in step.stderr
    application = {one.id: one for one in running.cluster.applications()}[lines["APPLICATION"]]
    assert (application.name, application.final_status) == ("tiny", "SUCCEEDED")


def test_spark_submit_in_cluster_mode_has_its_output_in_its_first_container(running: Running) -> None:
    script = running.put("cluster/job.py", JOB)

    step = running.run(
        *("spark-submit", "--master", "yarn", "--deploy-mode", "cluster"), script, "hdfs:///tmp/cluster-out"
    )

    assert step.stdout == ""
    submitted = next(line for line in step.stderr.splitlines() if "Submitted application " in line)
    application = submitted.rpartition(" ")[2]
    driver = min(running.cluster.spec.folder.glob(f"containers/*/{application}/*"), key=lambda one: one.name)
    assert said((driver / "stdout").read_text())["COUNT"] == "100"
    assert (driver / "stderr").read_text()
    assert {path.name for path in driver.iterdir()} <= {"stdout", "stderr", "prelaunch.out", "prelaunch.err"}


def test_a_job_that_asks_for_more_than_a_node_has_fails_in_yarns_own_words(running: Running) -> None:
    script = running.put("large/job.py", JOB)
    step = running.step(
        "command-runner.jar", "spark-submit", "--executor-memory", "20g", script, "hdfs:///tmp/x"
    )
    assert step.outcome.exit_code == 1
    assert "is above the max threshold (12288 MB) of this cluster" in step.stderr


def test_finished_applications_have_their_pages_in_the_history_server(running: Running) -> None:
    script = running.put("history/job.py", JOB)
    application = said(running.run("spark-submit", script, "hdfs:///tmp/history").stdout)["APPLICATION"]
    spec = running.cluster.spec

    running.cluster.start_history_server()

    def known() -> bool:
        assert observe(spec.history_server_process).state is ProcessState.RUNNING
        try:
            found = httpx.get(f"{spec.history_server_url}/api/v1/applications", trust_env=False, timeout=30)
        except httpx.HTTPError:
            return False
        return found.is_success and application in {one["id"] for one in found.json()}

    wait_until(known, NOTICED_SECONDS)
    assert running.cluster.links()["Spark History Server"] == spec.history_server_url


def test_script_runner_fetches_a_script_and_runs_it_with_its_arguments(running: Running) -> None:
    script = running.put("scripts/a.sh", 'echo "[$1]" "$USER" "$(dirname "$0")"; exit 5\n')
    step = running.step("s3://somewhere/script-runner.jar", script, "a b")
    assert step.outcome.exit_code == 5
    assert step.stdout.startswith("[a b] hadoop ")

    python = running.put("scripts/a.py", "#!/usr/bin/env python3\nimport sys; print(sys.executable)\n")
    step = running.step("script-runner.jar", python)
    assert Path(step.stdout.strip()).parent == running.cluster.spec.python.parent


def test_script_runner_says_which_script_it_cannot_read(running: Running) -> None:
    step = running.step("script-runner.jar", "s3://tests/no-such.sh")
    assert step.outcome.exit_code == 1
    assert step.stderr.endswith("Cannot read s3://tests/no-such.sh.\n")


def test_a_custom_jar_runs_as_hadoop_jar_does_with_its_main_class_and_properties(running: Running) -> None:
    jar = next(jar for jar in running.cluster.spec.distribution.hadoop_jars if "activation" in jar.name)
    address = running.put("jars/a.jar", jar.read_bytes())
    main = "org.apache.hadoop.fs.FsShell"

    def listed(zone: str) -> str:
        step = running.step(address, "-ls", "-d", "/user", main=main, properties={"user.timezone": zone})
        assert step.outcome.exit_code == 0, step.stderr
        return step.stdout

    assert listed("Asia/Tokyo") != listed("UTC")


def test_a_command_that_is_not_there_says_so(running: Running) -> None:
    step = running.step("command-runner.jar", "hadoop", "nonsense")
    assert step.outcome.exit_code == 1
    assert step.stderr.startswith("hadoop: 'nonsense' is not one of its commands here: fs jar ")


def test_a_killed_node_is_noticed_by_yarn_and_a_stopped_one_has_no_process(running: Running) -> None:
    cluster = running.cluster
    node = new_node(cluster, f"{cluster.spec.id}-third")
    cluster.start_worker(node)
    wait_until(lambda: running.registered([node]), NOTICED_SECONDS)
    pid = observe(node.process).pid
    assert pid

    psutil.Process(pid).kill()

    wait_until(lambda: cluster.observe([node]).nodes[node.id].process is ProcessState.EXITED, 10)
    outcome = observe(node.process).outcome
    assert outcome
    assert outcome.signal == 9
    wait_until(lambda: not cluster.observe([node]).nodes[node.id].registered, NOTICED_SECONDS)
    cluster.stop_worker(node)
    assert not [p for p in psutil.process_iter() if environment(p).get("WINDTUNNEL_NODE") == node.id]
    assert running.registered(running.nodes)


def test_a_node_tells_yarn_where_its_pages_are_and_then_opens_them(running: Running) -> None:
    url = f"{running.cluster.spec.resource_manager_url}/cluster/nodes"
    told = httpx.get(url, trust_env=False, timeout=60).text
    for node in running.nodes:
        assert f":{node.ports.node_manager_web}" in told, told
        page = f"http://127.0.0.1:{node.ports.node_manager_web}/ws/v1/node/info"
        wait_until(partial(answers, page), NOTICED_SECONDS)


def test_a_node_whose_pages_have_no_port_ends_and_its_log_says_why(running: Running) -> None:
    cluster = running.cluster
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        node = new_node(cluster, f"{cluster.spec.id}-without-pages")
        node = dataclasses.replace(
            node, ports=dataclasses.replace(node.ports, node_manager_web=other.getsockname()[1])
        )
        cluster.start_worker(node)
        wait_until(lambda: observe(node.process).state is ProcessState.EXITED, NOTICED_SECONDS)
    outcome = observe(node.process).outcome
    assert outcome
    assert outcome.exit_code
    said = "".join(log.read_text() for log in node.folder.glob("applications/*/*"))
    assert f"Port in use: 127.0.0.1:{node.ports.node_manager_web}" in said


def test_starting_again_starts_nothing_again(running: Running) -> None:
    spec = running.cluster.spec
    before = observe(spec.master_process), observe(running.nodes[0].process)
    running.cluster.prepare()
    running.cluster.start_master()
    running.cluster.start_worker(running.nodes[0])
    assert (observe(spec.master_process), observe(running.nodes[0].process)) == before


def test_stop_leaves_no_process_even_of_a_cluster_that_is_not_up_yet(
    distribution: Distribution, s3_endpoint: str, tmp_path: Path
) -> None:
    cluster = new_cluster(distribution, tmp_path / "j", s3_endpoint)
    node = new_node(cluster, f"{cluster.spec.id}-1")
    cluster.prepare()
    cluster.start_master()
    cluster.start_worker(node)

    cluster.stop()

    found = [p for p in psutil.process_iter() if environment(p).get("WINDTUNNEL_CLUSTER") == cluster.spec.id]
    assert found == []
    status = cluster.observe([node])
    assert status.master.process is ProcessState.EXITED
    assert status.nodes[node.id].process is ProcessState.EXITED
    assert not status.nodes[node.id].registered
    assert cluster.applications() == []
