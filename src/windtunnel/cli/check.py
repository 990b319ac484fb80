"""`windtunnel check`"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.deploy.check import check
from windtunnel.deploy.findings import Finding, Level
from windtunnel.install.progress import terminal_progress
from windtunnel.stack.environment import ENDPOINT
from windtunnel.stack.settings import REGION, Settings

LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@with_settings
def main(
    settings: Settings,
    region: Annotated[str, typer.Option(help="The region of AWS; AWS_REGION's when left out.")] = "",
) -> None:
    """Reads the project as MWAA and EMR would, and prints a line for each finding: place, rule, why, and the mend.

    Ends with 1 when there is an error; warnings and notes keep nobody from deploying. Needs no stack and no account.
    A comment `# windtunnel: allow RULE` on the line excuses it.
    """
    found = check(settings, terminal_progress(), region=region or region_of(os.environ))
    print_findings(found)
    if any(finding.level == "error" for finding in found):
        raise typer.Exit(1)


def region_of(environment: Mapping[str, str]) -> str:
    """The region of the caller's shell, unless `windtunnel env` has led that to the stack."""
    named = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return named if named and not environment.get(ENDPOINT) else REGION


def print_findings(found: Sequence[Finding]) -> None:
    """As a compiler prints them, and how many there are."""
    for finding in found:
        place = f"{finding.place}: " if finding.file else ""
        print(f"{place}{finding.level} [{finding.rule}]: {finding.why}\n    mend: {finding.mend}")
    counts = Counter(finding.level for finding in found)
    told = [f"{counts[level]} {level}{'s' * (counts[level] > 1)}" for level in LEVELS if counts[level]]
    print(f"{', '.join(told)}." if told else "Nothing found that would fail on AWS.")
