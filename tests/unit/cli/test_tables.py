import pytest

from windtunnel.cli.status import duration
from windtunnel.cli.tables import print_table


def test_columns_are_aligned_for_what_is_not_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "n"), [("a", "10"), ("longer", "2")], "All of it")

    assert capsys.readouterr().out == "All of it\nname    n\na       10\nlonger  2\n"


@pytest.mark.parametrize(
    ("seconds", "said"), [(3, "3 s"), (59.4, "59 s"), (60, "1 min"), (7200, "2 h"), (3 * 86400, "3 d")]
)
def test_a_length_of_time_is_said_in_one_unit(seconds: float, said: str) -> None:
    assert duration(seconds) == said
