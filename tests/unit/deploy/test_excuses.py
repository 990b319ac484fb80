from pathlib import Path

from windtunnel.deploy.excuses import Excuse, excused, excuses_in
from windtunnel.deploy.findings import Finding

RULES = ("endpoint", "startup")


def finding(line: int, rule: str = "endpoint", file: str = "dags/x.py") -> Finding:
    return Finding(file, line, rule, "why", "mend")


def of(tmp_path: Path, text: str, name: str = "dags/x.py") -> list[Excuse]:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return excuses_in(tmp_path, file)


def test_a_comment_excuses_findings_of_its_rule_on_its_line(tmp_path: Path) -> None:
    excuses = of(tmp_path, 'x = 1\ny = "http://localhost"  # windtunnel: allow endpoint\n')
    other_line, other_rule, other_file = finding(1), finding(2, "startup"), finding(2, file="dags/y.py")

    assert excused([finding(2), other_line, other_rule, other_file], excuses, RULES) == [
        other_line,
        other_rule,
        other_file,
    ]


def test_a_comment_that_stands_alone_is_for_the_next_line(tmp_path: Path) -> None:
    excuses = of(tmp_path, "# windtunnel: allow endpoint\nx = 1\n")

    assert excused([finding(2)], excuses, RULES) == []
    assert len(excused([finding(3)], excuses, RULES)) == 2


def test_a_comment_may_name_several_rules(tmp_path: Path) -> None:
    excuses = of(tmp_path, "x = 1 # windtunnel: allow endpoint, startup\n")

    assert excused([finding(1), finding(1, "startup")], excuses, RULES) == []


def test_a_text_that_looks_like_a_comment_is_none(tmp_path: Path) -> None:
    assert of(tmp_path, 'x = "# windtunnel: allow endpoint"\n') == []
    assert len(of(tmp_path, "x: 1 # windtunnel: allow endpoint\n", "dags/x.yaml")) == 1
    assert len(of(tmp_path, "select 1 -- windtunnel: allow endpoint\n", "dags/x.sql")) == 1


def test_an_excuse_that_excuses_nothing_is_a_warning(tmp_path: Path) -> None:
    (unused,) = excused([], of(tmp_path, "\nx = 1 # windtunnel: allow endpoint\n"), RULES)

    assert (unused.place, unused.rule, unused.level) == ("dags/x.py:2", "excuse", "warning")
    assert "excuses nothing" in unused.why


def test_an_excuse_of_no_rule_gets_the_nearest(tmp_path: Path) -> None:
    (unknown,) = excused([], of(tmp_path, "x = 1 # windtunnel: allow endpiont\n"), RULES)

    assert "no rule `endpiont`" in unknown.why
    assert unknown.mend == "Write `# windtunnel: allow endpoint`."
