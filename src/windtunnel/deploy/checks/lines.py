"""Where in a project's files something is written: a finding's line."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from windtunnel.install.files import files_in


def toml_line(file: Path, section: str, key: str = "") -> int:
    """The line, from 1, of a key in `[section]`; of the section where the key is not found, 0 without that.

    A key with dots may be written as one string or have its first parts in the section's name.
    """
    at, found = "", 0
    for number, line in enumerate(lines_of(file), 1):
        text = line.strip()
        if header := re.fullmatch(r"\[\s*([^\[\]]+?)\s*\](\s*#.*)?", text):
            at = header[1].replace('"', "").replace("'", "")
            if at == section and not key:
                return number
            found = number if at == section and not found else found
        elif at and key and (name := re.match(r"""((?:"[^"]*"|'[^']*'|[\w-]+|[.\s])+?)\s*=""", text)):
            written = name[1].replace('"', "").replace("'", "").replace(" ", "")
            if f"{at}.{written}" == f"{section}.{key}":
                return number
    return found


def text_line(file: Path, text: str) -> int:
    """The first line that holds `text`, 0 when none does."""
    return next((number for number, line in enumerate(lines_of(file), 1) if text in line), 0)


def constant_line(file: Path, value: str, otherwise: int) -> int:
    """The line of a Python file's only string that is `value`; `otherwise` when there is none or are several."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return otherwise
    lines = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value == value}
    return lines.pop() if len(lines) == 1 else otherwise


def readable_files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """The files of a folder with one of these suffixes, without what Python and editors leave there."""
    return [
        path
        for path in files_in(folder)
        if path.suffix in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def lines_of(file: Path) -> tuple[str, ...]:
    """The lines of a file, () when there is none."""
    return _text(file, file.stat().st_mtime_ns) if file.is_file() else ()


@cache
def _text(file: Path, _: int) -> tuple[str, ...]:
    return tuple(file.read_text(errors="replace").splitlines())
