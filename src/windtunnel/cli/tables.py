"""Tables: drawn for a person, plain columns for everything else."""

import sys
from collections.abc import Sequence


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print the rows under their headers."""
    if sys.stdout.isatty():
        _draw(headers, rows, title)
        return
    widths = [max(len(row[i]) for row in (headers, *rows)) for i in range(len(headers))]
    if title:
        print(title)
    for row in (headers, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _draw(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*map(escape, headers), title=escape(title), title_justify="left")
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)
