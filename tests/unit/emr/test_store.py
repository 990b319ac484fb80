"""The store: its tables are its migrations', a transaction is whole or nothing."""

import threading
from pathlib import Path
from typing import Any

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from windtunnel.emr import store
from windtunnel.emr.schema import Base, Event
from windtunnel.emr.store import HEAD, Store


def test_the_migrations_make_the_tables_of_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "emr.sqlite"
    Store(path).close()
    with create_engine(f"sqlite:///{path}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_head_that_the_store_knows_is_the_newest_migration() -> None:
    folder = Path(store.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    db = Store(tmp_path / "emr.sqlite")
    with pytest.raises(ZeroDivisionError), db.transaction() as session:
        session.add(Event(at=1.0, subject="x", before="", after="A", reason=""))
        session.flush()
        raise ZeroDivisionError
    with db.reading() as session:
        assert store.events(session, "x") == []


def test_tables_are_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0
    real = op.create_table

    def create_table(*arguments: Any, **options: Any) -> Any:
        nonlocal made
        made += 1
        if made == 3:
            raise ZeroDivisionError
        return real(*arguments, **options)

    with monkeypatch.context() as broken:
        broken.setattr("alembic.op.create_table", create_table)
        with pytest.raises(ZeroDivisionError):
            Store(tmp_path / "emr.sqlite")
    Store(tmp_path / "emr.sqlite").close()


def test_what_is_read_is_of_one_moment(tmp_path: Path) -> None:
    db = Store(tmp_path / "emr.sqlite")
    with db.reading() as session:
        assert store.events(session, "x") == []
        with db.transaction() as other:
            other.add(Event(at=1.0, subject="x", before="", after="A", reason=""))
        assert store.events(session, "x") == []


def test_what_two_threads_write_is_all_there(tmp_path: Path) -> None:
    db = Store(tmp_path / "emr.sqlite")

    def write() -> None:
        for _ in range(50):
            with db.transaction() as session:
                session.add(Event(at=1.0, subject="x", before="", after="A", reason=""))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.reading() as session:
        assert len(store.events(session, "x")) == 200


def test_a_commit_wakes_who_waits(tmp_path: Path) -> None:
    db = Store(tmp_path / "emr.sqlite")
    woken = threading.Event()

    def wait() -> None:
        db.wait_for_change(60)
        woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    with db.transaction():
        pass
    assert woken.wait(30)
    thread.join()


def test_a_store_of_an_earlier_version_is_moved_to_this_one_with_all_that_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = command.upgrade
    with monkeypatch.context() as earlier:
        earlier.setattr(command, "upgrade", lambda config, _: real(config, "0001"))
        old = Store(tmp_path / "emr.sqlite")
    with old.transaction() as session:
        session.add(Event(at=1.0, subject="x", before="", after="A", reason=""))
    old.close()
    new = Store(tmp_path / "emr.sqlite")
    with new.reading() as session:
        assert len(store.events(session, "x")) == 1
        assert store.find_security_configuration(session, "a", "r", "n") is None
