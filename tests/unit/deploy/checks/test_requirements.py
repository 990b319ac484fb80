import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.checking import found, make_project, places
from windtunnel.deploy.checks import requirements, subject
from windtunnel.deploy.checks.subject import Airflow
from windtunnel.deploy.findings import Finding

PLUGINS = "/usr/local/airflow/plugins"
PRIVATE = "[deploy]\nprivate = true\n"


@pytest.fixture
def installable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all could be installed: what cannot has tests of its own."""
    monkeypatch.setattr(subject.Subject, "_airflow", lambda _: Airflow(Path("python")))


def of(tmp_path: Path, *lines: str, toml: str = "", **files: str) -> list[Finding]:
    project = make_project(
        tmp_path / "p", requirements_txt="\n".join(lines) + "\n", windtunnel_toml=toml, **files
    )
    return found(requirements, project)


@pytest.mark.usefixtures("installable")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--constraint https://x/constraints-2.10.3/constraints-3.11.txt", "Airflow 2.10.3 on Python 3.11"),
        ('-c "https://x/constraints-3.0.6/constraints-3.11.txt"', "Airflow 3.0.6 on Python 3.11"),
        (f"-c {PLUGINS}/constraints.txt", "Airflow 2.11.0"),
        ("-c /usr/local/airflow/dags/none.txt", "has no dags/none.txt"),
        ("-c ./constraints.txt", "not on MWAA"),
        ("-r more.txt", "not on MWAA"),
        ("celery==5.4.0", "celery 5.5.2"),
        ("Flask_Session[x] == 0.8.0", "Flask_Session 0.5.0"),
        ("-e .", "editable"),
        ("--editable git+https://x/y.git", "editable"),
        ("./wheels/x-1-py3-none-any.whl", "not on MWAA"),
        ("x @ file:///home/ada/x.whl", "not on MWAA"),
        (f"{PLUGINS}/missing-1-py3-none-any.whl", "has no plugins/missing-1"),
    ],
)
def test_a_line_that_mwaa_cannot_install_is_an_error(tmp_path: Path, line: str, said: str) -> None:
    (finding,) = of(tmp_path, "# the first", line, plugins__constraints_txt="apache-airflow==2.11.0\n")

    assert places([finding]) == [("requirements.txt:2", "requirements", "error")]
    assert said in finding.why


@pytest.mark.usefixtures("installable")
@pytest.mark.parametrize(
    "line",
    [
        "--constraint https://x/constraints-3.0.6/constraints-3.12.txt",
        f"-c {PLUGINS}/good.txt",
        "celery==5.5.*",
        "celery==5.5.2 # as MWAA's",
        "cowsay==6.1",
        "apache-airflow-providers-http",
        f"{PLUGINS}/there-1-py3-none-any.whl",
        "x @ https://example.com/x-1-py3-none-any.whl",
    ],
)
def test_what_mwaa_takes_is_no_finding(tmp_path: Path, line: str) -> None:
    project = make_project(
        tmp_path / "p", requirements_txt=f"{line}\n", plugins__good_txt="apache-airflow==3.0.6\n"
    )
    (project / "plugins" / "there-1-py3-none-any.whl").touch()

    assert found(requirements, project) == []


def test_what_cannot_be_resolved_is_told_at_the_line_that_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "p" / "requirements.txt"
    problem = f"What {file} asks for cannot be installed: see line 2 (a>9), line 3 (b). (…) Said.\nno version of a>9"
    monkeypatch.setattr(subject.Subject, "_airflow", lambda _: Airflow(None, problem))

    findings = of(tmp_path, "#", "a>9", "b")

    assert places(findings) == [
        ("requirements.txt:2", "requirements", "error"),
        ("requirements.txt:3", "requirements", "error"),
    ]
    assert "no version of a>9" in findings[0].why


def test_what_keeps_airflow_itself_from_being_installed_is_no_fault_of_requirements_txt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject.Subject, "_airflow", lambda _: Airflow(None, "Is this machine online?"))

    assert of(tmp_path, "cowsay==6.1") == []


def test_what_keeps_it_from_being_installed_is_not_told_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = f"What {tmp_path / 'p' / 'requirements.txt'} asks for cannot be installed: see line 1 (celery)."
    monkeypatch.setattr(subject.Subject, "_airflow", lambda _: Airflow(None, problem))

    assert places(of(tmp_path, "# first", "celery==5.4.0")) == [
        ("requirements.txt:2", "requirements", "error")
    ]


def test_versions_that_the_constraints_forbid_are_found_by_the_real_resolver(
    tmp_path: Path, cache: Path
) -> None:
    wheels = f"--no-index\n--find-links {PLUGINS}\n"
    project = make_project(tmp_path / "p", requirements_txt=f"{wheels}cowsay>=99\n")
    (project / "plugins").mkdir()

    (finding,) = found(requirements, project, cache)

    assert places([finding]) == [("requirements.txt:3", "requirements", "error")]
    assert "cowsay" in finding.why


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package index of three distributions, one of which MWAA's image has in that version."""
    root = tmp_path / "index"
    for name, version, needs in (
        ("team_lib", "1.0", "team-dep"),
        ("team_dep", "2.0", ""),
        ("httpx", "0.28.1", ""),
    ):
        folder = root / name.replace("_", "-")
        folder.mkdir(parents=True)
        wheel = make_wheel(folder, name, version, needs)
        (folder / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    handler = partial(QuietHandler, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("UV_NO_CACHE", "1")
        yield
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def make_wheel(folder: Path, name: str, version: str, needs: str = "") -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def test_a_private_environment_lacks_what_lies_neither_in_the_image_nor_in_plugins(
    tmp_path: Path, cache: Path, airflow_python: Path, index: None
) -> None:
    project = make_project(
        tmp_path / "p", requirements_txt="# none\nhttpx\nteam-lib\n", windtunnel_toml=PRIVATE
    )
    (project / "plugins").mkdir()

    lines, missing = found(requirements, project, cache)

    assert (lines.place, missing.place) == ("requirements.txt:2", "requirements.txt:3")
    assert f"--no-index and --find-links {PLUGINS}" in lines.mend
    assert "of team-dep==2.0, team-lib==1.0." in missing.why
    assert "pip download" in missing.mend and missing.mend.endswith(
        "--dest plugins team-dep==2.0 team-lib==1.0"
    )
    assert "--python-version 3.12 --platform manylinux2014_x86_64" in missing.mend


@pytest.mark.usefixtures("installable")
@pytest.mark.parametrize("other", ["cp312-cp312-macosx_11_0_arm64", "cp312-cp312-manylinux_2_35_x86_64"])
def test_a_wheel_in_plugins_is_there_and_one_for_another_machine_is_not(
    tmp_path: Path, cache: Path, airflow_python: Path, index: None, other: str
) -> None:
    lines = f"--no-index\n--find-links {PLUGINS}/\nteam-lib\n"
    project = make_project(tmp_path / "p", requirements_txt=lines, windtunnel_toml=PRIVATE)
    (project / "plugins").mkdir()
    make_wheel(project / "plugins", "team_lib", "1.0", "team-dep")
    wheel = make_wheel(project / "plugins", "team_dep", "2.0")
    wheel.rename(wheel.with_name(f"team_dep-2.0-{other}.whl"))

    (finding,) = found(requirements, project, cache)
    assert "of team-dep==2.0." in finding.why

    make_wheel(project / "plugins", "team_dep", "2.0")
    assert found(requirements, project, cache) == []


def test_without_an_index_a_private_environment_is_told_that_wheels_are_missing(
    tmp_path: Path, cache: Path, airflow_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    lines = f"--no-index\n--find-links {PLUGINS}\nno-such-team-lib\n"
    project = make_project(tmp_path / "p", requirements_txt=lines, windtunnel_toml=PRIVATE)
    (project / "plugins").mkdir()

    (finding,) = found(requirements, project, cache)

    assert finding.place == "requirements.txt:3"
    assert "from plugins/ alone" in finding.why and "no-such-team-lib" in finding.why


@pytest.mark.usefixtures("installable")
def test_a_private_environment_with_comments_alone_needs_no_wheel(tmp_path: Path) -> None:
    assert of(tmp_path, "# nothing", toml=PRIVATE) == []
