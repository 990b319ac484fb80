"""What keeps a project from being deployed."""

from pathlib import Path

from windtunnel.stack.errors import StackError


class DeployError(StackError):
    """A sentence for the user: what is wrong, what stands, and how to go on."""


class TemplateError(DeployError):
    """What is wrong with a template: in `file`, at `line` from 1; 0 where that is not known."""

    def __init__(self, words: str, file: Path | None, line: int = 0) -> None:
        super().__init__(words)
        self.file, self.line = file, line
