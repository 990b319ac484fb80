from pathlib import Path

import pytest

from tests.checking import TEMPLATE, TOML, found, make_project, places
from windtunnel.deploy.checks import options

LINES = {
    name: number
    for number, line in enumerate(TEMPLATE.splitlines(), 1)
    if (name := line.strip().partition(":")[0])
}
LAST = len(TEMPLATE.splitlines())


def with_option(tmp_path: Path, line: str, toml: str = "") -> Path:
    """A project whose template has one option more, at its last line, and windtunnel.toml too unless it says none."""
    return make_project(
        tmp_path,
        infra__environment_yaml=f"{TEMPLATE}        {line}\n",
        windtunnel_toml=toml or f"{TOML}{_as_toml(line)}",
    )


def _as_toml(line: str) -> str:
    name, _, value = line.partition(": ")
    return f'"{name}" = "{value.strip(chr(34)) or "x"}"\n'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('team.x: ""', "team.x is empty"),
        ('team.Upper: "1"', "regular expression pattern"),
        (f'team.{"long" * 16}: "1"', "less than or equal to 64"),
        ('team.x: "grün"', "regular expression pattern"),
    ],
)
def test_an_option_that_mwaa_refuses_is_an_error_at_the_templates_line(
    tmp_path: Path, line: str, said: str
) -> None:
    (finding,) = found(options, with_option(tmp_path, line))

    assert places([finding]) == [(f"infra/environment.yaml:{LAST + 1}", "options", "error")]
    assert said in finding.why
    assert "grün" not in finding.why  # it may be a secret


@pytest.mark.parametrize(
    "name", ["core.executor", "webserver.base_url", "core.fernet_key", "celery.broker_url"]
)
def test_an_option_that_mwaa_sets_last_is_a_warning(tmp_path: Path, name: str) -> None:
    (finding,) = found(options, with_option(tmp_path, f'{name}: "x"'))

    assert places([finding]) == [(f"infra/environment.yaml:{LAST + 1}", "options", "warning")]
    assert "no effect" in finding.why


def test_options_of_one_side_alone_are_warnings_where_they_stand(tmp_path: Path) -> None:
    toml = (
        f'{TOML}\n"team.here" = "x"\n"team.unset" = ""\n[mwaa.configuration_options.core]\nparallelism = 4\n'
    )
    project = with_option(tmp_path, "team.there: x", toml)

    assert places(found(options, project)) == [
        (f"infra/environment.yaml:{LAST + 1}", "options", "warning"),
        ("windtunnel.toml:4", "options", "warning"),
        ("windtunnel.toml:7", "options", "warning"),
    ]


def test_another_version_of_airflow_on_aws_is_an_error_and_so_is_one_that_mwaa_does_not_make(
    tmp_path: Path,
) -> None:
    toml = f'[mwaa]\nairflow_version = "2.11.1"\n{TOML}'

    findings = found(options, make_project(tmp_path, windtunnel_toml=toml))

    assert places(findings) == [("windtunnel.toml:2", "options", "error")] * 2
    assert any("2.11.1 runs here and 3.0.6 on AWS" in one.why for one in findings)
    assert any(
        "makes no environment of Airflow 2.11.1" in one.why and "2.11.0" in one.mend for one in findings
    )


def test_a_property_outside_of_mwaas_model_is_an_error_at_its_line(tmp_path: Path) -> None:
    template = TEMPLATE.replace("Name: team", "Name: 1team").replace(
        "      AirflowVersion", "      Schedulers: 9\n      AirflowVersion"
    )

    assert places(found(options, make_project(tmp_path, infra__environment_yaml=template))) == [
        (f"infra/environment.yaml:{LINES['Name']}", "options", "error"),
        (f"infra/environment.yaml:{LINES['Name'] + 1}", "options", "error"),
    ]


def test_a_template_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (finding,) = found(options, make_project(tmp_path, infra__environment_yaml="Resources: {}\n"))

    assert finding.file == "infra/environment.yaml"
    assert "AWS::MWAA::Environment" in finding.why


@pytest.mark.parametrize(
    ("broken", "line", "said"),
    [
        ("Resources:\n  A: [\n", ":3", "expected the node content"),
        ("Resources:\n  A: !Reff x\n", ":2", "no function !Reff"),
        (
            "Resources: {}\nOutputs: {Bucket: {Value: !Ref Nothing}}\n",
            "",
            "foundation.yaml refers to Nothing",
        ),
    ],
)
def test_what_is_wrong_with_the_first_template_is_told_of_that_one(
    tmp_path: Path, broken: str, line: str, said: str
) -> None:
    project = make_project(tmp_path, infra__foundation_yaml=broken)

    (finding,) = found(options, project)

    assert finding.place == f"infra/foundation.yaml{line}"
    assert said in finding.why and "\n" not in finding.why


def test_a_template_that_cannot_be_worked_out_is_an_error(tmp_path: Path) -> None:
    template = TEMPLATE.replace("Name: team", "Name: !FindInMap [None, such, one]")

    (finding,) = found(options, make_project(tmp_path, infra__environment_yaml=template))

    assert finding.file == "infra/environment.yaml"
    assert "cannot be worked out: KeyError('Mappings')" in finding.why


def test_without_a_template_windtunnel_tomls_own_options_are_judged(tmp_path: Path) -> None:
    project = make_project(tmp_path, windtunnel_toml=f'{TOML}"team.Upper" = "x"\n"team.unset" = ""\n')
    (project / "infra" / "environment.yaml").unlink()

    assert places(found(options, project)) == [("windtunnel.toml:3", "options", "error")]


def test_a_project_that_is_the_same_on_both_sides_has_no_findings(tmp_path: Path) -> None:
    assert found(options, make_project(tmp_path)) == []


def test_the_versions_that_mwaa_makes_are_read_from_botocores_model() -> None:
    assert "3.0.6" in options.versions()
    assert "2.10.3" in options.versions()
