from pathlib import Path

from windtunnel.stack.logs import Follower, tail


def write(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_the_end_of_a_log_reaches_into_the_rotated_file(tmp_path: Path) -> None:
    log = tmp_path / "emr.log"
    write(log.with_name("emr.log.1"), "1\n2\n3\n")
    write(log, "4\n5\n")

    assert tail(log, 4) == ["2", "3", "4", "5"]
    assert tail(log, 1) == ["5"]
    assert tail(log, 0) == []
    assert tail(tmp_path / "none.log", 5) == []


def test_the_end_of_a_long_log_is_read_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "emr.log"
    write(log, "".join(f"line {n} {'x' * 100}\n" for n in range(5000)))

    assert [line.split()[1] for line in tail(log, 3)] == ["4997", "4998", "4999"]


def test_only_what_is_new_and_whole_is_followed(tmp_path: Path) -> None:
    log = tmp_path / "emr.log"
    write(log, "old\n")
    follower = Follower(log)

    write(log, "new\nhal")
    assert follower.lines() == ["new"]
    write(log, "f\n")
    assert follower.lines() == ["half"]
    assert follower.lines() == []


def test_nothing_is_missed_when_the_log_is_rotated(tmp_path: Path) -> None:
    log = tmp_path / "emr.log"
    write(log, "old\n")
    follower = Follower(log)

    write(log, "before\n")
    log.rename(tmp_path / "emr.log.1")
    write(tmp_path / "emr.log.1", "late\n")
    write(log, "after\n")

    assert follower.lines() == ["before", "late", "after"]


def test_a_log_that_is_not_there_yet_is_followed_from_its_first_line(tmp_path: Path) -> None:
    log = tmp_path / "emr.log"
    follower = Follower(log)
    assert follower.lines() == []

    write(log, "first\n")

    assert follower.lines() == ["first"]


def test_a_log_that_was_emptied_is_followed_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "emr.log"
    write(log, "a long first line\n")
    follower = Follower(log)

    log.write_text("short\n")

    assert follower.lines() == ["short"]
