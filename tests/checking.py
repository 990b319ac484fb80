"""Small projects with a fault in them, and what a rule of `windtunnel check` says of one."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from windtunnel.deploy.checks.subject import Subject
from windtunnel.deploy.findings import Finding
from windtunnel.install.progress import SILENT
from windtunnel.stack.settings import load_settings

REGION = "eu-west-1"
BUCKET = "airflow-team-123456789012"
TEMPLATE = f"""\
Parameters:
  Bucket: {{Type: String, Default: {BUCKET}}}
Resources:
  Environment:
    Type: AWS::MWAA::Environment
    Properties:
      Name: team
      AirflowVersion: 3.0.6
      SourceBucketArn: !Sub arn:aws:s3:::${{Bucket}}
      AirflowConfigurationOptions:
        team.bucket: !Ref Bucket
"""
TOML = """\
[mwaa.configuration_options]
"team.bucket" = "airflow-team-local"
"""


def make_project(folder: Path, **files: str) -> Path:
    """A project with a template and windtunnel.toml, and the files: in a name `__` is `/`, and the last `_` a dot."""
    given = {"infra/environment.yaml": TEMPLATE, "windtunnel.toml": TOML}
    for name, text in files.items():
        path, _, suffix = name.replace("__", "/").rpartition("_")
        given[f"{path}.{suffix}"] = text
    for file, text in given.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return folder


def subject_of(project: Path, cache: Path | None = None) -> Subject:
    home = project.parent / f"{project.name}-home"
    home.mkdir(exist_ok=True)
    return Subject(load_settings(project, cache=cache), SILENT, REGION, home)


def found(rule: ModuleType, project: Path, cache: Path | None = None) -> list[Finding]:
    return sorted(rule.findings(subject_of(project, cache)))


def places(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """(place, rule, level) of each."""
    return [(one.place, one.rule, one.level) for one in findings]
