"""`windtunnel destroy`"""

from typing import Annotated

import typer

from windtunnel.cli.flags import with_settings
from windtunnel.cli.questions import ask_for
from windtunnel.deploy.deployment import named
from windtunnel.deploy.destruction import Destruction
from windtunnel.deploy.target import aws_target, local_target, told
from windtunnel.install.progress import terminal_progress
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings


@with_settings
def main(
    settings: Settings,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go and change nothing.")
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(help="The deployment's name, instead of typing it: for CI.", show_default=False),
    ] = None,
    keep_bucket: Annotated[
        bool, typer.Option("--keep-bucket", help="Leave the bucket with all that is in it.")
    ] = False,
    local: Annotated[bool, typer.Option("--local", help="In this project's LocalStack, not on AWS.")] = False,
    name: Annotated[str | None, typer.Option(help="What to remove; [deploy] name when left out.")] = None,
) -> None:
    """Shows what there is and asks for its name first. Stopped or failed, it goes on when it is run again."""
    project = named(settings.project, name, {})
    called = str(project.deploy.name)
    if confirm is not None and confirm != called:
        raise StackError(
            f"--confirm says {confirm!r}, and this deployment is {called!r}: nothing was removed."
        )
    target = local_target(settings) if local else aws_target()
    with told(local=local):
        destruction = Destruction(project, target, terminal_progress())
        inventory = destruction.inventory()
        print(f"{called} in {target}")
        for line in inventory.lines(keep_bucket=keep_bucket):
            print(line, flush=True)
        if inventory.is_empty(keep_bucket=keep_bucket):
            print("There is nothing to remove.")
            return
        inventory.hold_unprotected()
        if dry_run:
            print("Nothing was removed, since this is a dry run.")
            return
        if not (
            confirm or ask_for(called, f"All of this goes for good. Type {called} to go on", "--confirm NAME")
        ):
            raise StackError("That is not its name: nothing was removed.")
        destruction.carry_out(inventory, keep_bucket=keep_bucket)
    print(f"{called} is gone{', but for its bucket' if inventory.bucket and keep_bucket else ''}.")
