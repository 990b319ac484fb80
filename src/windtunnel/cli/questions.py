"""Questions to whoever sits at the terminal."""

import sys

import typer

from windtunnel.stack.errors import StackError


def ask_yes(question: str, flag: str) -> bool:
    """Yes or no. Raises StackError where nobody can answer, naming the flag that does."""
    _hold_terminal(flag)
    return typer.confirm(question)


def ask_for(name: str, question: str, flag: str) -> bool:
    """Whether `name` is typed. Raises StackError where nobody can answer, naming the flag that does."""
    _hold_terminal(flag)
    return str(typer.prompt(question, default="", show_default=False)).strip() == name


def _hold_terminal(flag: str) -> None:
    if not sys.stdin.isatty():
        raise StackError(
            f"There is no terminal to ask at, so nothing was changed. Say {flag} to go on without asking."
        )
