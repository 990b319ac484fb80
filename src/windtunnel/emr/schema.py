"""The tables of the store. Times are seconds since the epoch; JSON columns hold members as the API has them.

A change here needs a migration in `migrations/versions/` (a test compares the two).
"""

from typing import Any, ClassVar

from sqlalchemy import JSON, Enum, Float, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from windtunnel.emr.states import ClusterState, InstanceGroupState, InstanceState, StepState


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map: ClassVar = {
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
        list[str]: JSON,
        ClusterState: Enum(ClusterState, native_enum=False, length=32),
        StepState: Enum(StepState, native_enum=False, length=32),
        InstanceGroupState: Enum(InstanceGroupState, native_enum=False, length=32),
        InstanceState: Enum(InstanceState, native_enum=False, length=32),
    }


class Cluster(Base):
    """A job flow: what was asked for, and what has become of it."""

    __tablename__ = "clusters"
    __table_args__ = (
        Index("clusters_by_state", "state"),
        Index("clusters_in_order", "account", "region", "number", "state"),
        Index("clusters_by_end", "ended_at"),
    )

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    """The order of creation."""
    id: Mapped[str] = mapped_column(String, unique=True)
    name: Mapped[str]
    region: Mapped[str]
    account: Mapped[str]
    release_label: Mapped[str]
    state: Mapped[ClusterState] = mapped_column(default=ClusterState.STARTING)
    reason_code: Mapped[str | None]
    reason_message: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float] = mapped_column(Float)
    ready_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    idle_since: Mapped[float | None]
    """When the cluster was last seen to begin doing nothing; None while it works."""
    idle_timeout: Mapped[int | None]
    """AutoTerminationPolicy's IdleTimeout in seconds."""
    managed_scaling: Mapped[dict[str, Any]]
    """The ManagedScalingPolicy, empty without one."""
    log_uri: Mapped[str | None]
    keep_alive: Mapped[bool]
    termination_protected: Mapped[bool]
    step_concurrency: Mapped[int]
    tags: Mapped[dict[str, Any]]
    applications: Mapped[list[str]]
    configurations: Mapped[list[dict[str, Any]]]
    bootstrap_actions: Mapped[list[dict[str, Any]]]
    attributes: Mapped[dict[str, Any]]
    """What is kept and shown again, but changes nothing on a laptop: roles, subnets, security groups…"""
    ports: Mapped[dict[str, Any]]
    """The ports of the master's daemons; empty until they are allocated."""
    logs_saved: Mapped[bool] = mapped_column(default=False)
    error_details: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """What caused its end, for the errors that EMR has details of: ErrorDetail objects of the API."""


class InstanceGroup(Base):
    """MASTER, CORE or TASK instances: a group of one type, or a fleet, which may mix types.

    Of a fleet, `instance_type` is the type that it now takes, `requested` how many instances of it would reach
    the targets.
    """

    __tablename__ = "instance_groups"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String, unique=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("clusters.id"), index=True)
    name: Mapped[str]
    role: Mapped[str]
    instance_type: Mapped[str]
    market: Mapped[str]
    bid_price: Mapped[str | None]
    requested: Mapped[int]
    state: Mapped[InstanceGroupState] = mapped_column(default=InstanceGroupState.PROVISIONING)
    reason_code: Mapped[str | None]
    reason_message: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float] = mapped_column(Float)
    ready_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    configurations: Mapped[list[dict[str, Any]]]
    configurations_version: Mapped[int] = mapped_column(default=0)
    applied_configurations: Mapped[list[dict[str, Any]]]
    """The ones that all its instances were last seen to run with, to which a reconfiguration that fails goes back."""
    applied_version: Mapped[int] = mapped_column(default=0)
    taken_back: Mapped[str] = mapped_column(default="")
    """Why its last reconfiguration was taken back, a sentence; empty where none was."""
    attributes: Mapped[dict[str, Any]]
    fleet: Mapped[dict[str, Any]]
    """The InstanceFleetConfig as it is now wished; empty for a group."""
    auto_scaling: Mapped[dict[str, Any]]
    """The AutoScalingPolicy, empty without one."""
    failures: Mapped[int] = mapped_column(default=0)
    """Of its instances, since it was last modified."""
    scaled_at: Mapped[float | None]
    """When its AutoScalingPolicy last changed it, from which its CoolDown counts."""
    shrink_policy: Mapped[dict[str, Any]]


class Instance(Base):
    """One node: a master's or a worker's daemons."""

    __tablename__ = "instances"
    __table_args__ = (Index("instances_by_state", "state"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String, unique=True)
    """EMR's `ci-…`."""
    ec2_id: Mapped[str] = mapped_column(String, unique=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("clusters.id"), index=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("instance_groups.id"), index=True)
    instance_type: Mapped[str]
    market: Mapped[str]
    weight: Mapped[int]
    """Units of a fleet's capacity that it counts for; 1 in a group."""
    state: Mapped[InstanceState] = mapped_column(default=InstanceState.PROVISIONING)
    reason_code: Mapped[str | None]
    reason_message: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float] = mapped_column(Float)
    ready_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    ports: Mapped[dict[str, Any]]
    """The ports of a worker's daemons; the master's are the cluster's."""
    configurations_version: Mapped[int]
    """Of its group's configurations, the one that it has."""
    generation: Mapped[int] = mapped_column(default=0)
    """How often its daemons were started anew with other configurations."""
    leaving_since: Mapped[float | None]
    """When it was chosen to be taken away; its node is decommissioned from then on."""
    leave_by: Mapped[float | None]
    """When it is taken away at the latest, whatever still runs on it."""


class Step(Base):
    """One unit of work on a cluster."""

    __tablename__ = "steps"
    __table_args__ = (
        Index("steps_by_cluster_and_state", "cluster_id", "state"),
        Index("steps_in_order", "cluster_id", "number", "state"),
    )

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String, unique=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("clusters.id"))
    name: Mapped[str]
    action_on_failure: Mapped[str]
    jar: Mapped[str]
    main_class: Mapped[str | None]
    properties: Mapped[dict[str, Any]]
    args: Mapped[list[str]]
    state: Mapped[StepState] = mapped_column(default=StepState.PENDING)
    reason_code: Mapped[str | None]
    reason_message: Mapped[str] = mapped_column(default="")
    failure: Mapped[dict[str, Any]]
    """FailureDetails, empty when there are none."""
    cancel_option: Mapped[str | None]
    """SEND_INTERRUPT or TERMINATE_PROCESS once CancelSteps has asked for it."""
    application_ids: Mapped[list[str]]
    """The YARN applications that the step was seen to submit."""
    created_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]


class SecurityConfiguration(Base):
    """A security configuration of an account in a region; clusters don't take any."""

    __tablename__ = "security_configurations"
    __table_args__ = (UniqueConstraint("account", "region", "name"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    account: Mapped[str]
    region: Mapped[str]
    name: Mapped[str]
    document: Mapped[str]
    """JSON, as it was given."""
    created_at: Mapped[float] = mapped_column(Float)


class BlockPublicAccess(Base):
    """The block public access configuration of an account in a region that has changed it."""

    __tablename__ = "block_public_access"

    account: Mapped[str] = mapped_column(String, primary_key=True)
    region: Mapped[str] = mapped_column(String, primary_key=True)
    configuration: Mapped[dict[str, Any]]
    changed_at: Mapped[float] = mapped_column(Float)


class Event(Base):
    """One change of state: what became of whom, when and why. Never changed; removed only with a spare."""

    __tablename__ = "events"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float)
    subject: Mapped[str] = mapped_column(String, index=True)
    before: Mapped[str]
    after: Mapped[str]
    reason: Mapped[str]
