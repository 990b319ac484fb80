"""Rules `dags`, `network`, `metadata`, and what the loader tells of EMR's tasks: one load of one project for all."""

import shutil
from pathlib import Path

import pytest

from tests.checking import TEMPLATE, TOML, found, make_project, places, subject_of
from windtunnel.deploy.checks import dags
from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.dags import SCRIPT
from windtunnel.deploy.findings import Finding
from windtunnel.stack.airflow.configuration import OPINIONATED

HEAD = "from airflow.sdk import DAG\n"
EMPTY = "from airflow.providers.standard.operators.empty import EmptyOperator\n"
FILES = {
    "dags__good_py": f"""{HEAD}
import os
import shared_in_plugins
from airflow.configuration import conf
assert conf.get("team", "bucket") == "airflow-team-123456789012"
assert conf.get("usage_data_collection", "enabled") == "{OPINIONATED["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"]}"
assert conf.get("core", "executor") == "CeleryExecutor"
assert os.environ["FROM_STARTUP"] == "scheduler"
assert os.environ["AWS_REGION"] == "eu-west-1"
assert not {{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "WINDTUNNEL_HOME"}} & os.environ.keys()
d = DAG("good", schedule=None)
""",
    "plugins__shared_in_plugins_py": "X = 1\n",
    "plugins__broken_py": "import no_such_module_in_plugins\n",
    "startup_sh": "export FROM_STARTUP=$MWAA_AIRFLOW_COMPONENT\nexport AIRFLOW_VAR_GIVEN=1\n",
    "dags__importing_py": f"{HEAD}\nimport helper\n",
    "dags__helper_py": "\n\nimport no_such_module\n",
    "dags__syntax_py": f"{HEAD}\nif x\n",
    "dags__option_py": f'{HEAD}from airflow.configuration import conf\nd = DAG(conf.get("team", "absent"))\n',
    "dags__twin_one_py": f'{HEAD}d = DAG("twin", schedule=None)\n',
    "dags__twin_two_py": f'{HEAD}d = DAG("twin", schedule=None)\n',
    "dags__caught_py": f"""{HEAD}import boto3
try:
    boto3.client("s3").list_buckets()
except Exception:
    pass
d = DAG("caught", schedule=None)
""",
    "dags__connecting_py": f"""{HEAD}import socket
socket.create_connection(("192.0.2.1", 80))
""",
    "dags__variables_py": f"""{HEAD}from airflow.sdk import Variable
from airflow.hooks.base import BaseHook
A = Variable.get("given")
B = Variable.get("with_default", default="x")
try:
    BaseHook.get_connection("absent_connection")
except Exception:
    pass
d = DAG("variables", schedule=None)
""",
    "dags__needed_py": f'{HEAD}from airflow.sdk import Variable\nd = DAG(Variable.get("needed"), schedule=None)\n',
    "dags__maker_py": f"{HEAD}def make(name):\n    return DAG(name, schedule=None)\n",
    "dags__hidden_py": 'from maker import make\n\nx = make("hidden")\n',
    "dags__hidden_caller_py": """from maker import make
import socket
try:
    socket.create_connection(("192.0.2.1", 80))
except OSError:
    pass
x = make("hidden_caller")
""",
    "dags__program_py": "import pathlib\npathlib.Path(__file__).with_name('executed').touch()\n",
    "dags__module_py": "from maker import make\n\n\ndef f():\n    return make('never')\n",
    "dags__cycle_py": f"""{HEAD}{EMPTY}
with DAG("cycle", schedule=None):
    a = EmptyOperator(task_id="a")
    b = EmptyOperator(task_id="b")
    a >> b >> a
""",
    "plugins__calendar_of_ours_py": """from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.simple import NullTimetable
class Ours(NullTimetable): pass
class OurPlugin(AirflowPlugin):
    name = "ours"
    timetables = [Ours]
""",
    "dags__registered_py": f"""{HEAD}from calendar_of_ours import Ours
d = DAG("registered", schedule=Ours())
""",
    "dags__unserializable_py": f"""{HEAD}from airflow.timetables.simple import NullTimetable
class Unregistered(NullTimetable): pass
d = DAG("unserializable", schedule=Unregistered())
""",
    "dags__clusters_py": f"""{HEAD}
from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator, EmrCreateJobFlowOperator
with DAG("clusters", schedule=None):
    EmrCreateJobFlowOperator(
        task_id="create",
        emr_conn_id=None,
        job_flow_overrides={{"Name": "{{{{ run_id }}}}"}},
    )
    EmrCreateJobFlowOperator(task_id="by_connection", job_flow_overrides="{{{{ params.x }}}}")
    EmrAddStepsOperator(task_id="add", job_flow_id="j-1", steps=[{{"Name": "one"}}])
    EmrAddStepsOperator.partial(task_id="mapped", steps=[{{"Name": "two"}}]).expand(job_flow_id=["j-1"])
""",
}


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory, cache: Path, airflow_python: Path) -> Subject:
    return subject_of(make_project(tmp_path_factory.mktemp("dags") / "project", **FILES), cache)


@pytest.fixture(scope="module")
def findings(subject: Subject) -> list[Finding]:
    return list(dags.findings(subject))


def of(findings: list[Finding], file: str) -> list[Finding]:
    return [one for one in findings if one.file == file]


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("dags/helper.py", 3, "No module named 'no_such_module'"),
        ("dags/syntax.py", 3, "SyntaxError"),
        ("dags/option.py", 3, "absent"),
        ("plugins/broken.py", 0, "no_such_module_in_plugins"),
        ("dags/cycle.py", 0, "Cycle"),
        ("dags/unserializable.py", 0, "not registered"),
    ],
)
def test_what_airflow_cannot_read_is_an_error_at_the_projects_innermost_line(
    findings: list[Finding], file: str, line: int, said: str
) -> None:
    (finding,) = of(findings, file)

    assert places([finding]) == [(f"{file}:{line}" if line else file, "dags", "error")]
    assert said in finding.why


def test_dags_are_read_with_awss_options_mwaas_own_and_what_startup_exports(
    subject: Subject, findings: list[Finding]
) -> None:
    loaded = subject.dags()

    assert loaded and "good" in loaded.dags
    assert of(findings, "dags/good.py") == of(findings, "plugins/shared_in_plugins.py") == []


def test_what_a_plugin_registers_is_known_to_dags(subject: Subject, findings: list[Finding]) -> None:
    assert (loaded := subject.dags()) and "registered" in loaded.dags
    assert of(findings, "dags/registered.py") == of(findings, "plugins/calendar_of_ours.py") == []


def test_the_network_is_an_error_at_its_line_also_where_the_dag_goes_on_without_it(
    subject: Subject, findings: list[Finding]
) -> None:
    assert places(of(findings, "dags/caught.py")) == [("dags/caught.py:4", "network", "error")]
    assert places(of(findings, "dags/connecting.py")) == [("dags/connecting.py:3", "network", "error")]
    assert "192.0.2.1 is called" in of(findings, "dags/connecting.py")[0].why
    assert (loaded := subject.dags()) and "caught" in loaded.dags


def test_two_files_with_a_dag_of_the_same_id_are_an_error(findings: list[Finding]) -> None:
    (finding,) = [*of(findings, "dags/twin_one.py"), *of(findings, "dags/twin_two.py")]

    assert (finding.rule, finding.level) == ("dags", "error")
    assert "an id of its own" in finding.mend


def test_variables_and_connections_are_warnings_but_for_those_of_the_environment(
    findings: list[Finding],
) -> None:
    reads = of(findings, "dags/variables.py")

    assert places(reads) == [
        ("dags/variables.py:5", "metadata", "warning"),
        ("dags/variables.py:7", "metadata", "warning"),
    ]
    assert "Variable with_default" in reads[0].why and "Connection absent_connection" in reads[1].why


def test_a_file_that_needs_a_variable_cannot_be_judged_further(findings: list[Finding]) -> None:
    (finding,) = of(findings, "dags/needed.py")

    assert places([finding]) == [("dags/needed.py:3", "metadata", "warning")]
    assert "cannot be read without Variable needed" in finding.why


def test_a_file_that_makes_a_dag_and_says_neither_word_is_a_warning(findings: list[Finding]) -> None:
    assert places(of(findings, "dags/hidden.py")) == [("dags/hidden.py", "dags", "warning")]
    assert of(findings, "dags/module.py") == of(findings, "dags/maker.py") == []
    assert places(of(findings, "dags/hidden_caller.py")) == [("dags/hidden_caller.py", "dags", "warning")]


def test_a_file_that_airflow_does_not_look_at_and_that_knows_no_dags_is_not_executed(
    subject: Subject,
) -> None:
    assert subject.dags()
    assert not (subject.folder / "dags" / "executed").exists()


def test_the_tasks_that_ask_emr_are_told_with_their_lines_and_requests(subject: Subject) -> None:
    loaded = subject.dags()
    assert loaded
    clusters = [(one.task_id, one.place.line, one.request, one.connection) for one in loaded.requests]
    steps = [(one.task_id, one.place.line, one.request) for one in loaded.steps]

    assert clusters == [
        ("create", 5, {"Name": "{{ run_id }}"}, None),
        ("by_connection", 10, "{{ params.x }}", "emr_default"),
    ]
    assert steps[0] == ("add", 11, [{"Name": "one"}])
    assert steps[1][0] == "mapped" and steps[1][2] == [{"Name": "two"}]
    assert {one.dag_id for one in (*loaded.requests, *loaded.steps)} == {"clusters"}


def test_windtunnels_own_source_in_the_project_is_not_taken_for_the_projects_lines(
    tmp_path: Path, cache: Path, airflow_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ("needed", "variables", "caught", "clusters")
    given = {f"dags__{one}_py": FILES[f"dags__{one}_py"] for one in files}
    project = make_project(tmp_path / "p", startup_sh=FILES["startup_sh"], **given)
    script = project / "src" / SCRIPT.name
    script.parent.mkdir()
    shutil.copy(SCRIPT, script)
    monkeypatch.setattr("windtunnel.deploy.dags.SCRIPT", script)

    subject = subject_of(project, cache)

    assert set(places(dags.findings(subject))) == {
        ("dags/needed.py:3", "metadata", "warning"),
        ("dags/caught.py:4", "network", "error"),
        ("dags/variables.py:5", "metadata", "warning"),
        ("dags/variables.py:7", "metadata", "warning"),
    }
    loaded = subject.dags()
    assert loaded and [one.place.line for one in loaded.requests] == [5, 10]


def test_a_slow_file_and_a_project_without_a_template_are_warnings(
    tmp_path: Path, cache: Path, airflow_python: Path
) -> None:
    toml = f'{TOML}"core.dagbag_import_timeout" = "0.000001"\n'
    project = make_project(
        tmp_path / "p", dags__one_py=f'{HEAD}d = DAG("one", schedule=None)\n', windtunnel_toml=toml
    )
    (project / "infra" / "environment.yaml").unlink()

    assert places(found(dags, project, cache)) == [
        ("dags/one.py", "dags", "warning"),
        ("windtunnel.toml", "dags", "warning"),
    ]


def test_a_module_that_hides_a_package_of_airflows_is_told(
    tmp_path: Path, cache: Path, airflow_python: Path
) -> None:
    project = make_project(tmp_path / "p", dags__six_py=f'{HEAD}d = DAG("one")\n')

    (finding,) = found(dags, project, cache)

    assert places([finding]) == [("dags/six.py", "dags", "error")]
    assert "rename it" in finding.mend


def test_a_project_without_dags_or_without_an_airflow_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = make_project(tmp_path / "p")
    unknown = make_project(
        tmp_path / "q",
        dags__x_py="",
        infra__environment_yaml=TEMPLATE,
        windtunnel_toml='[mwaa]\nairflow_version="1.0.0"\n',
    )

    assert places(found(dags, without)) == [("dags", "dags", "warning")]
    (finding,) = found(dags, unknown)
    assert places([finding]) == [("dags", "dags", "warning")]
    assert "Airflow 1.0.0 is not among those" in finding.why
