"""Python code, looked at for what exists only on a laptop: its strings, but for comments and docstrings."""

import ast
from collections.abc import Iterator

from windtunnel.deploy.checks.patterns import (
    CREDENTIALS,
    ENDPOINT,
    ENDPOINT_VARIABLE,
    KEY_VARIABLE,
    LOCAL_NAME,
    OWN_VARIABLE,
    SDKS_FIND_IT,
    Patterns,
    Said,
)

_WITH_DEFAULT = ("get", "getenv", "pop")
_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


def of_code(tree: ast.Module, patterns: Patterns) -> Iterator[tuple[int, Said]]:
    """What is wrong, by line."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(_part(one) for one in node.values)
            yield from ((node.lineno, said) for said in patterns.in_text(text))
        elif isinstance(node, ast.Constant):
            yield from _of_constant(node, parents, patterns)
        elif isinstance(node, ast.keyword) and node.arg:
            yield from _of_argument(node.arg, node.value, node.value.lineno, patterns)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield from _of_argument(key.value, value, key.lineno, patterns)


def _part(node: ast.expr) -> str:
    """A part of an f-string; `{}` for what is only known when it runs."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "{}"


def _of_constant(
    node: ast.Constant, parents: dict[ast.AST, ast.AST], patterns: Patterns
) -> Iterator[tuple[int, Said]]:
    parent = parents[node]
    if not isinstance(node.value, str) or isinstance(parent, ast.Expr | ast.JoinedStr):
        return  # a docstring, or a part of what was looked at as a whole
    for line, text in _texts(node):
        yield from ((line, said) for said in patterns.in_text(text))
    if ENDPOINT_VARIABLE.fullmatch(node.value):
        yield node.lineno, _of_variable(node, parents, ENDPOINT, _AN_ENDPOINT)
    elif OWN_VARIABLE.fullmatch(node.value):
        yield node.lineno, _of_variable(node, parents, LOCAL_NAME, _OUR_OWN)
    elif KEY_VARIABLE.fullmatch(node.value) and _is_set(node, parents):
        yield (
            node.lineno,
            Said(CREDENTIALS, f"{node.value} is set: on AWS roles give the keys.", "Leave it out."),
        )


def _texts(node: ast.Constant) -> Iterator[tuple[int, str]]:
    """A string by its lines, where those are lines of the file too."""
    lines = str(node.value).split("\n")
    if len(lines) - 1 == (node.end_lineno or node.lineno) - node.lineno:
        yield from enumerate(lines, node.lineno)
    else:
        yield node.lineno, str(node.value)


_AN_ENDPOINT = "is a variable of the stack, which neither MWAA nor EMR has"
_OUR_OWN = "is windtunnel's, and there is no windtunnel on AWS"


def _of_variable(node: ast.Constant, parents: dict[ast.AST, ast.AST], rule: str, why: str) -> Said:
    parent = parents[node]
    asks_softly = (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Attribute | ast.Name)
        and (parent.func.attr if isinstance(parent.func, ast.Attribute) else parent.func.id) in _WITH_DEFAULT
    ) or isinstance(parent, ast.Compare)
    mend = (
        SDKS_FIND_IT
        if rule == ENDPOINT
        else "Take a configuration option of the environment, or an argument of the job."
    )
    return Said(rule, f"{node.value!s} {why}.", mend, "warning" if asks_softly else "error")


def _is_set(node: ast.Constant, parents: dict[ast.AST, ast.AST]) -> bool:
    parent = parents[node]
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.ctx, ast.Store)
    return isinstance(parent, ast.Dict) and node in parent.keys


def _of_argument(name: str, value: ast.expr, line: int, patterns: Patterns) -> Iterator[tuple[int, Said]]:
    if name in _KEYS and isinstance(value, ast.Constant) and value.value:
        why = f"{name} stands in the code, for everyone who can read it; on AWS roles give the keys."
        yield line, Said(CREDENTIALS, why, "Leave it out.")
    if name != "endpoint_url":
        return
    if not isinstance(value, ast.Constant):
        why = "An endpoint is chosen in code; on AWS the SDK has to choose it."
        yield line, Said(ENDPOINT, why, SDKS_FIND_IT, "warning")
    elif isinstance(value.value, str) and not _is_told(value.value, patterns):
        yield line, Said(ENDPOINT, f"{value.value} is no endpoint of AWS.", SDKS_FIND_IT)


def _is_told(url: str, patterns: Patterns) -> bool:
    return url.startswith("https://") or any(said.rule == ENDPOINT for said in patterns.in_text(url))
