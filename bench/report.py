"""What was measured, shown as it comes and once more at the end."""

from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass
class Report:
    """Rows of the final table: what, figure, aim."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def say(self, line: str) -> None:
        """What is being measured now."""
        print(f"  {line} …", flush=True)

    def add(self, what: str, figure: str, aim: str = "") -> None:
        """One result."""
        self.rows.append((what, figure, aim))
        print(f"{what}: {figure}" + (f" (aim: {aim})" if aim else ""), flush=True)

    def ratio(
        self, what: str, ours: list[float], theirs: list[float], aim: str = "", unit: str = "s"
    ) -> None:
        """The median of one side over that of the other; both in the unit."""
        us, them = median(ours), median(theirs)
        self.add(what, f"{us / them:.2f}  ({us:.1f} {unit} over {them:.1f} {unit})", aim)

    def show(self) -> None:
        """The table."""
        table = Table("what", "figure", "aim", title="windtunnel bench")
        for row in self.rows:
            table.add_row(*row)
        Console().print(table)
