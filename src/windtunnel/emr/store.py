"""Where all state of Amazon EMR lives: one SQLite file, read and written in transactions."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, bindparam, create_engine, delete, event, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from windtunnel.emr.errors import disk_full
from windtunnel.emr.schema import (
    BlockPublicAccess,
    Cluster,
    Event,
    Instance,
    InstanceGroup,
    SecurityConfiguration,
    Step,
)
from windtunnel.emr.states import LIVE_CLUSTER_STATES, LIVE_INSTANCE_STATES, OPEN_CLUSTER_STATES
from windtunnel.hadoop.ports import WEB_PAGES

NOBODY = ""
"""The account of a spare, which no request has."""
HEAD = "0005"
"""The newest migration: a file that is already there is opened without loading Alembic."""

# What nearly every request and every look asks, put together once: that takes longer than to ask it.
_CLUSTER = select(Cluster).where(Cluster.id == bindparam("id"))
_GROUPS = (
    select(InstanceGroup)
    .where(InstanceGroup.cluster_id == bindparam("cluster"))
    .order_by(InstanceGroup.number)
)
_INSTANCES = select(Instance).where(Instance.cluster_id == bindparam("cluster")).order_by(Instance.number)


class Store:
    """The SQLite file. Safe to use from several threads; a transaction belongs to one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = _engine(path)
        self._migrate()
        self._woken = threading.Event()
        self._counting = threading.Lock()
        self.version = 0
        """Changes after every commit. No other process writes, so the same version means the same rows."""

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view; what is changed in it is thrown away."""
        with Session(self._engine, expire_on_commit=False) as session:
            session.connection().exec_driver_sql("BEGIN")
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction that writes: committed at its end, undone by an exception. Wakes the reconciler.

        Raises InternalServerError when the disk is full.
        """
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
                yield session
                session.commit()
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise
            raise disk_full(self._engine.url.database) from error
        with self._counting:
            self.version += 1
        self.wake()

    def wake(self) -> None:
        """Let whoever waits for a change look at once."""
        self._woken.set()

    def wait_for_change(self, seconds: float) -> None:
        """Returns after the next commit, or after `seconds`."""
        self._woken.wait(seconds)
        self._woken.clear()

    def close(self) -> None:
        """Gives the file back."""
        self._engine.dispose()

    def _migrate(self) -> None:
        with self._engine.connect() as connection:
            tables = text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")
            if connection.execute(tables).first():
                version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                if version == HEAD:
                    return
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", "windtunnel.emr:migrations")
        with self._engine.begin() as connection:
            connection.execute(text("BEGIN IMMEDIATE"))  # all tables or none, whatever is killed
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # our BEGIN is the only one
        # WAL survives the death of any process; readers and the one writer don't wait for each other.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def find_cluster(session: Session, cluster_id: str) -> Cluster | None:
    """The cluster of that id."""
    return session.scalar(_CLUSTER, {"id": cluster_id})


def live_cluster_ids(session: Session) -> Sequence[str]:
    """Every cluster that something may still run for, oldest first."""
    states = select(Cluster.id).where(Cluster.state.in_(LIVE_CLUSTER_STATES)).order_by(Cluster.number)
    return session.scalars(states).all()


def find_spare(session: Session) -> Cluster | None:
    """The cluster that waits for an heir, if there is one that has not begun to end."""
    rows = select(Cluster).where(Cluster.account == NOBODY, Cluster.state.in_(OPEN_CLUSTER_STATES))
    return session.scalar(rows)


def remove_cluster(session: Session, cluster_id: str) -> None:
    """Forget a spare: no other cluster is ever removed."""
    for kind in (Instance, InstanceGroup):
        of_cluster = select(kind.id).where(kind.cluster_id == cluster_id)
        session.execute(delete(Event).where(Event.subject.in_(of_cluster)))
        session.execute(delete(kind).where(kind.cluster_id == cluster_id))
    session.execute(delete(Event).where(Event.subject == cluster_id))
    session.execute(delete(Cluster).where(Cluster.id == cluster_id))


def given_ports(session: Session) -> set[int]:
    """The ports that the daemons of live clusters have, had, or will have once they listen.

    HDFS knows a DataNode that was taken away by its port: no other of the cluster may have it. The port of
    a web page is free again with its node.
    """
    live = select(Cluster.id).where(Cluster.state.in_(LIVE_CLUSTER_STATES))
    clusters = select(Cluster.ports).where(Cluster.id.in_(live))
    nodes = select(Instance.ports, Instance.state).where(Instance.cluster_id.in_(live))
    given = {port for ports in session.scalars(clusters) for port in ports.values()}
    for ports, state in session.execute(nodes):
        gone = WEB_PAGES if state not in LIVE_INSTANCE_STATES else ()
        given |= {port for name, port in ports.items() if name not in gone}
    return given


def instance_groups(session: Session, cluster_id: str) -> Sequence[InstanceGroup]:
    """The groups, or the fleets, of a cluster in the order of their creation: MASTER first."""
    return session.scalars(_GROUPS, {"cluster": cluster_id}).all()


def cluster_of_group(session: Session, group_id: str) -> str | None:
    """The id of the cluster that has this group or fleet."""
    return session.scalar(select(InstanceGroup.cluster_id).where(InstanceGroup.id == group_id))


def instances(session: Session, cluster_id: str) -> Sequence[Instance]:
    """All instances that a cluster has or had, oldest first."""
    return session.scalars(_INSTANCES, {"cluster": cluster_id}).all()


def find_instance(session: Session, group_id: str, ec2_id: str) -> Instance | None:
    """The live instance of that EC2 id, if the group or fleet has it."""
    rows = select(Instance).where(Instance.group_id == group_id, Instance.ec2_id == ec2_id)
    return session.scalar(rows.where(Instance.state.in_(LIVE_INSTANCE_STATES)))


def steps(session: Session, cluster_id: str, states: frozenset[Any] | None = None) -> Sequence[Step]:
    """The steps of a cluster in the order of submission, in one of `states` if given."""
    rows = select(Step).where(Step.cluster_id == cluster_id)
    if states is None:
        return session.scalars(rows.order_by(Step.number)).all()
    # A number that is reckoned has SQLite look the states up and sort the few, not read all that a cluster had.
    return session.scalars(rows.where(Step.state.in_(states)).order_by(Step.number + 0)).all()


def find_step(session: Session, cluster_id: str, step_id: str) -> Step | None:
    """The step of that id, if the cluster has it."""
    return session.scalar(select(Step).where(Step.cluster_id == cluster_id, Step.id == step_id))


def find_security_configuration(
    session: Session, account: str, region: str, name: str
) -> SecurityConfiguration | None:
    """The security configuration of that name, if the account has it in the region."""
    kind = SecurityConfiguration
    return session.scalar(
        select(kind).where(kind.account == account, kind.region == region, kind.name == name)
    )


def find_block_public_access(session: Session, account: str, region: str) -> BlockPublicAccess | None:
    """The account's own configuration in the region, None where it never changed it."""
    return session.get(BlockPublicAccess, (account, region))


def events(session: Session, subject: str) -> Sequence[Event]:
    """What has become of one cluster, step, group or instance, oldest first."""
    return session.scalars(select(Event).where(Event.subject == subject).order_by(Event.number)).all()
