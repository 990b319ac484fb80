from pathlib import Path

import pytest

from tests.checking import found, make_project, places
from windtunnel.deploy.checks import endpoint

KEY_ID = "AKIA" + "ABCDEFGHIJKLMNOP"  # in two parts, so that nobody takes it for one


def of_line(tmp_path: Path, line: str, name: str = "dags__one_py") -> list[tuple[str, str, str]]:
    project = make_project(tmp_path / "project", **{name: f'"""http://localhost:4566"""\n\n{line}\n'})
    return places(found(endpoint, project))


@pytest.mark.parametrize(
    "line",
    [
        'u = "http://localhost:4566"',
        'u = "https://127.0.0.1/x"',
        'u = "http://[::1]:4566/"',
        'u = "host.docker.internal"',
        'u = "localstack:4566"',
        'u = "redis://user@localhost.localstack.cloud:4510"',
        'u = "s3a://x"; v = "http://minio:4566"',
        'u = f"http://{h}:4570/x"',
        'u = f"http://localhost:{port}"',
        'u = "http://s3.eu-west-1.amazonaws.com/b"',
        'c = dict(endpoint_url="http://minio:9000")',
        'c = {"endpoint_url": "http://minio:9000"}',
        'spark.conf.set("spark.hadoop.fs.s3a.endpoint", x)',
        'spark.conf.set("fs.s3a.bucket.mine.endpoint", x)',
        'os.environ["AWS_ENDPOINT_URL_S3"] = x',
        'u = os.environ["AWS_ENDPOINT_URL"]',
        'run(env={"AWS_ENDPOINT_URL": x})',
    ],
)
def test_an_endpoint_in_code_is_an_error_at_its_line(tmp_path: Path, line: str) -> None:
    assert of_line(tmp_path, line) == [("dags/one.py:3", "endpoint", "error")]


@pytest.mark.parametrize(
    "line",
    [
        'c = boto3.client("s3", endpoint_url=url())',
        'u = os.environ.get("AWS_ENDPOINT_URL")',
        'u = os.getenv("AWS_ENDPOINT_URL_S3", "")',
        'conf = {"fs.s3a.path.style.access": "true"}',
    ],
)
def test_what_may_work_on_aws_is_a_warning(tmp_path: Path, line: str) -> None:
    assert of_line(tmp_path, line, "spark__job_py") == [("spark/job.py:3", "endpoint", "warning")]


@pytest.mark.parametrize(
    "line",
    [
        'b = "airflow-team-local"',
        'u = f"s3://airflow-team-local/{key}"',
        'p = "/home/ada/data/x.csv"',
        'p = "/Users/ada/data"',
        'p = "file:///root/x"',
        'p = "/tmp/windtunnel-0/x"',
        'h = os.environ["WINDTUNNEL_HOME"]',
    ],
)
def test_a_name_of_this_machine_is_an_error_at_its_line(tmp_path: Path, line: str) -> None:
    assert of_line(tmp_path, line) == [("dags/one.py:3", "local-name", "error")]


def test_the_projects_own_folder_is_a_name_of_this_machine(tmp_path: Path) -> None:
    assert of_line(tmp_path, f'p = "{tmp_path}/project/data"') == [("dags/one.py:3", "local-name", "error")]


@pytest.mark.parametrize(
    "line",
    [
        'c = boto3.client("s3", aws_secret_access_key="some-secret-thing")',
        'os.environ["AWS_ACCESS_KEY_ID"] = "x"',
        f'k = "{KEY_ID}"',
        'conf = {"spark.hadoop.fs.s3a.secret.key": k}',
    ],
)
def test_keys_in_code_are_an_error_and_are_never_repeated(tmp_path: Path, line: str) -> None:
    project = make_project(tmp_path, plugins__mine_py=f"\n{line}\n")
    (finding,) = found(endpoint, project)

    assert (finding.place, finding.rule, finding.level) == ("plugins/mine.py:2", "credentials", "error")
    assert "some-secret" not in finding.why + finding.mend
    assert "AKIA" not in finding.why + finding.mend


@pytest.mark.parametrize(
    "line",
    [
        'help = "Runs on localhost or on EMR."',
        'x = "localstack is a word"; y = "mylocalhost"; z = "notlocalhost:1"',
        'u = "https://api.example.com:8443/localhost"',
        'u = "https://vpce-1.elasticmapreduce.eu-west-1.vpce.amazonaws.com"',
        'c = boto3.client("s3", endpoint_url="https://s3.eu-west-1.amazonaws.com", aws_access_key_id=None)',
        'c = boto3.client("s3", endpoint_url=None)',
        'conf = {"fs.s3a.endpoint.region": "eu-west-1"}',
        'p = "/home/hadoop/x"; q = "/usr/local/airflow/dags"; r = "s3://bucket/home/ada/x"; s = "s3://b/root/x"',
        'k = os.environ["AWS_ACCESS_KEY_ID"]',
        'b = "airflow-team-local-2"; c = "my-airflow-team-local"',
        "n = 4566",
        'u = "http://trino.example.com:8080/x"; v = "http://trino:8080"; s = "localstack"',
        'r = "0.0.0.0"',
        f'k = "{KEY_ID[:-7]}EXAMPLE"',
    ],
)
def test_what_is_none_of_these_is_left_alone(tmp_path: Path, line: str) -> None:
    assert of_line(tmp_path, line) == []


def test_a_long_text_is_told_of_at_its_own_line(tmp_path: Path) -> None:
    text = 'SQL = """\nselect 1\nfrom s3://airflow-team-local/x\n"""\n'

    assert places(found(endpoint, make_project(tmp_path, dags__q_py=text))) == [
        ("dags/q.py:3", "local-name", "error")
    ]


def test_other_files_are_read_by_line_without_their_comments(tmp_path: Path) -> None:
    project = make_project(
        tmp_path,
        spark__run_sh="\n# http://localhost:1\nexport AWS_ENDPOINT_URL=$X\ncd $WINDTUNNEL_HOME # localhost:2\n",
        dags__conf_yaml="a: 1 # http://localhost:1\nurl: http://localhost:9\n",
        dags__conf_json='{"fs.s3a.endpoint":\n "localstack:4566"}\n',
        spark__q_sql="-- s3://airflow-team-local/\nselect * from x -- http://localhost:1\n",
        dags__hosts_yaml="db: localhost\nweb: 'localhost:'\nname: localstack\nlocalhost: x\n",
        dags__hosts_properties="db.host=127.0.0.1\n",
        spark__site_conf="spark.hadoop.fs.s3a.endpoint x\n",
        startup_sh="\nexport AWS_SECRET_ACCESS_KEY=abc\nexport X=/home/ada/x\n",
        requirements_txt="# http://localhost:1\n--index-url http://localhost:3141/x\n",
    )

    assert places(found(endpoint, project)) == [
        ("dags/conf.json:1", "endpoint", "error"),
        ("dags/conf.json:2", "endpoint", "error"),
        ("dags/conf.yaml:2", "endpoint", "error"),
        ("dags/hosts.properties:1", "endpoint", "error"),
        ("dags/hosts.yaml:1", "endpoint", "error"),
        ("requirements.txt:2", "endpoint", "error"),
        ("spark/run.sh:3", "endpoint", "error"),
        ("spark/run.sh:4", "local-name", "error"),
        ("spark/site.conf:1", "endpoint", "error"),
        ("startup.sh:2", "credentials", "error"),
        ("startup.sh:3", "local-name", "error"),
    ]


def test_names_of_everyone_are_no_local_names(tmp_path: Path) -> None:
    toml = (
        '[mwaa.configuration_options]\n"team.role" = "EMR_DefaultRole"\n"team.label" = "emr-7.13.0"\n'
        '"team.type" = "m5.xlarge"\n"team.schedule" = "none"\n"team.market" = "ON_DEMAND"\n'
        '"team.same" = "one-for-both"\n'
    )
    code = 'x = ["EMR_DefaultRole", "emr-7.13.0", "m5.xlarge", "none", "ON_DEMAND", "one-for-both"]\n'
    project = make_project(tmp_path, windtunnel_toml=toml, dags__x_py=code)
    template = project / "infra" / "environment.yaml"
    template.write_text(template.read_text() + "        team.same: one-for-both\n")

    assert found(endpoint, project) == []


def test_spark_code_that_is_no_python_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path, spark__job_py="x = 1\nif x\n", dags__x_py="if x\n")

    assert [place for place, _, _ in places(found(endpoint, project))] == ["spark/job.py:2"]
