from dataclasses import replace
from pathlib import Path

import pytest

from tests.checking import TEMPLATE, found, make_project, places, subject_of
from windtunnel.deploy.checks import parameters
from windtunnel.deploy.deployment import named

DECLARED = """\
Parameters:
  Name: {Type: String, AllowedPattern: "[a-z-]+", Default: team, ConstraintDescription: Small letters.}
  Market: {Type: String, AllowedValues: [SPOT, ON_DEMAND], Default: SPOT}
  Count: {Type: Number, MinValue: 2, MaxValue: 5, Default: 2}
  Version: {Type: String, MinLength: 1, MaxLength: 3, Default: v}
  Big: {Type: String, AllowedValues: [true, false], Default: false}
  Password: {Type: String, NoEcho: true, MaxLength: 8, Default: none}
"""


def project(tmp_path: Path, deploy: str) -> Path:
    template = TEMPLATE.replace("Parameters:\n", DECLARED)
    return make_project(tmp_path, infra__environment_yaml=template, windtunnel_toml=f"[deploy]\n{deploy}\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('Markt = "SPOT"', "Did you mean Market?"),
        ('Name = "team1"', "it has to match"),
        ('Market = "SPOTT"', "it is one of SPOT, ON_DEMAND"),
        ("Count = 1", "at least 2"),
        ("Count = 6", "at most 5"),
        ('Count = "two"', "a number"),
        ('Version = "long"', "4 characters"),
        ('Version = ""', "0 characters"),
    ],
)
def test_a_parameter_that_cloudformation_refuses_is_an_error_at_its_line(
    tmp_path: Path, line: str, said: str
) -> None:
    (finding,) = found(parameters, project(tmp_path, f"private = false\n[deploy.parameters]\n{line}"))

    assert places([finding]) == [("windtunnel.toml:4", "parameters", "error")]
    assert said in finding.why + finding.mend


def test_the_deployments_name_is_the_parameter_name(tmp_path: Path) -> None:
    (finding,) = found(parameters, project(tmp_path, '\nname = "Team"'))

    assert places([finding]) == [("windtunnel.toml:3", "parameters", "error")]
    assert finding.mend == "Small letters."


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    (finding,) = found(parameters, project(tmp_path, '[deploy.parameters]\nPassword = "too-long-a-secret"'))

    assert "refuses Password for" in finding.why
    assert "too-long" not in finding.why + finding.mend


def test_what_only_the_command_line_says_has_no_line(tmp_path: Path) -> None:
    subject = subject_of(project(tmp_path, 'name = "team"'))
    given = named(subject.project, "Team", {"Markt": "SPOT"})
    settings = subject.settings.model_copy(update={"project": given})

    both = parameters.findings(replace(subject, settings=settings))

    assert [(one.place, one.mend) for one in both] == [("", "Small letters."), ("", "Did you mean Market?")]


def test_what_the_templates_allow_is_no_finding(tmp_path: Path) -> None:
    good = (
        'name = "my-team"\n[deploy.parameters]\nMarket = "ON_DEMAND"\nCount = 5\nVersion = "abc"\nBig = true'
    )

    assert found(parameters, project(tmp_path, good)) == []
