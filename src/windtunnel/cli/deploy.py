"""`windtunnel deploy`"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from windtunnel.cli.check import print_findings
from windtunnel.cli.flags import with_settings
from windtunnel.cli.questions import ask_yes
from windtunnel.deploy.check import check
from windtunnel.deploy.deployment import Deployment, Outcome, named
from windtunnel.deploy.target import Target, aws_target, local_target, told
from windtunnel.install.progress import Progress, terminal_progress
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings


@with_settings
def main(
    settings: Settings,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: for CI.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    data: Annotated[bool, typer.Option("--data", help="Upload what [deploy] data names, too.")] = False,
    local: Annotated[bool, typer.Option("--local", help="To this project's LocalStack, not to AWS.")] = False,
    name: Annotated[
        str | None, typer.Option(help="Of all that is made; [deploy] name when left out.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE of the templates, over [deploy.parameters]; repeatable."),
    ] = None,
) -> None:
    """Shows a plan first and asks before it changes anything. Stopped or failed, it goes on when it is run again.

    AWS is found as every SDK finds it: AWS_PROFILE, AWS_REGION, keys. docs/deploy.md tells the way.
    """
    project = named(settings.project, name, _parameters(parameter or []))
    progress = terminal_progress()
    target = local_target(settings) if local else aws_target()
    _check(settings.model_copy(update={"project": project}), target.region, progress)
    with told(local=local), tempfile.TemporaryDirectory(prefix="windtunnel-") as scratch:
        deployment = Deployment(project, target, progress)
        with deployment.planned(Path(scratch), data=data) as plan:
            print("\n".join(plan.lines()), flush=True)
            if plan.is_empty:
                print("Nothing to do: all of it is there.")
                outcome = deployment.outcome(plan)
            elif dry_run:
                print("Nothing was changed, since this is a dry run.")
                return
            elif yes or ask_yes("Go on?", "--yes"):
                outcome = deployment.carry_out(plan)
            else:
                print("Nothing was changed.")
                raise typer.Exit(1)
    _tell(settings, target, str(project.deploy.name), outcome)
    again = f" --name {name}" if name else ""
    print(f"To remove it all: `windtunnel destroy{again}{' --local' if local else ''}`")


def _check(settings: Settings, region: str, progress: Progress) -> None:
    """Tell what would fail on AWS. Raises StackError when anything surely would."""
    found = check(settings, progress, region=region)
    if found:
        print_findings(found)
        print()
    if any(finding.level == "error" for finding in found):
        raise StackError("The project is not deployed, and nothing was changed: mend the errors above first.")


def _parameters(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise StackError(f"--parameter {one}: give it as NAME=VALUE.")
        found[name] = value
    return found


def _tell(settings: Settings, target: Target, name: str, outcome: Outcome) -> None:
    print()
    if target.local:
        if outcome.not_made:
            kinds = [f"{count} {kind}" for kind, count in sorted(outcome.not_made.items())]
            print(f"LocalStack's free edition only pretends to have made: {', '.join(kinds)}.")
        print(f"So there is no MWAA environment; this project's own Airflow is at {settings.airflow_url}.")
        print(f"Files: `aws s3 ls s3://{outcome.bucket}/` in a shell with `windtunnel env`.")
    else:
        _tell_of_mwaa(settings, name, outcome)


def _tell_of_mwaa(settings: Settings, name: str, outcome: Outcome) -> None:
    environment = outcome.outputs.get("EnvironmentName", name)
    print(f"Airflow: {outcome.outputs.get('WebserverUrl') or 'see the page of MWAA in the console'}")
    if dag := settings.project.run.dag:
        body = '{"conf": {}}'
        if not settings.project.mwaa.airflow_version.startswith("2."):
            body = '{"logical_date": null, "conf": {}}'
        call = f"aws mwaa invoke-rest-api --name {environment}"
        print(f"A new DAG is paused. To unpause and run {dag}, on that page or by")
        print(f"""  {call} --method PATCH --path /dags/{dag} --body '{{"is_paused": false}}'""")
        print(f"  {call} --method POST --path /dags/{dag}/dagRuns --body '{body}'")
    print(f"Logs: log groups airflow-{environment}-* in CloudWatch; EMR's in s3://{outcome.bucket}/logs/")
