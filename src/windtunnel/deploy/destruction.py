"""The end of a deployment: what there is of it, and its removal, each act safe to repeat."""

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from windtunnel.deploy.bucket import Bucket, Content
from windtunnel.deploy.clusters import Cluster, Clusters, hold_unprotected
from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.infra import FOUNDATION, infra_of, named_bucket, stack_names
from windtunnel.deploy.plan import size_of
from windtunnel.deploy.stacks import Stack, Stacks
from windtunnel.deploy.target import Target, code_of
from windtunnel.install.progress import Progress
from windtunnel.stack.project import Project

_LOG_GROUPS = ("DAGProcessing", "Scheduler", "Task", "WebServer", "Worker")
"""That MWAA makes for an environment, each `airflow-<environment>-<one of these>`."""


@dataclass(frozen=True)
class Inventory:
    """What there is of a deployment."""

    clusters: tuple[Cluster, ...]
    environment: Stack | None
    bucket: str
    """"" when there is none, or when it is not the deployment's to remove."""
    content: Content | None
    foundation: Stack | None
    log_groups: tuple[str, ...]

    def is_empty(self, *, keep_bucket: bool) -> bool:
        """Whether there is nothing to remove."""
        there = (self.clusters, self.environment, self.foundation, self.log_groups)
        return not any(there) and (keep_bucket or not self.bucket)

    def hold_unprotected(self) -> None:
        """Raises DeployError when a cluster or a stack is protected from termination."""
        hold_unprotected(self.clusters)
        for stack in (self.environment, self.foundation):
            if stack and stack.protected:
                raise DeployError(
                    f"{stack.name}: protected from termination, so nothing is removed. `aws cloudformation "
                    f"update-termination-protection --no-enable-termination-protection --stack-name {stack.name}` "
                    f"takes the protection away."
                )

    def lines(self, *, keep_bucket: bool) -> Iterator[str]:
        """It in words, in the order in which it goes."""
        yield from (f"EMR cluster {one}" for one in self.clusters)
        if self.environment:
            yield (
                f"Stack {self.environment.name} ({self.environment.status}), with Airflow's history, variables and "
                f"connections"
            )
        if self.bucket and self.content and not keep_bucket:
            one = self.content
            yield (
                f"Bucket {self.bucket}: {one.objects:,} objects, {one.versions:,} versions of them, {one.uploads:,} "
                f"unfinished uploads, {size_of(one.size)}; output and logs too"
            )
        if self.foundation:
            yield f"Stack {self.foundation.name} ({self.foundation.status}), with network and roles"
        yield from (f"Log group {name}" for name in self.log_groups)
        if self.bucket and keep_bucket:
            yield f"The bucket {self.bucket} stays; `windtunnel destroy` without --keep-bucket removes it."


class Destruction:
    """A `named` project on its way out of a target. Everything raises DeployError, or what botocore raises."""

    def __init__(self, project: Project, target: Target, progress: Progress) -> None:
        self._project = project
        self._target = target
        self._progress = progress
        self._name = str(project.deploy.name)
        self._first, self._second = stack_names(project)
        self._stacks = Stacks(target, progress)
        self._clusters = Clusters(target, self._name, progress)

    def inventory(self) -> Inventory:
        """What there is now, once AWS is done with what it does to the stacks. Changes nothing."""
        environment, foundation = self._stacks.settled(self._second), self._stacks.settled(self._first)
        bucket = self._bucket(foundation)
        return Inventory(
            tuple(self._clusters.live()),
            environment,
            bucket.name if bucket else "",
            bucket.content() if bucket else None,
            foundation,
            tuple(self._log_groups()),
        )

    def carry_out(self, inventory: Inventory, *, keep_bucket: bool) -> None:
        """Remove it."""
        inventory.hold_unprotected()
        self._clusters.end()
        if inventory.environment:
            self._stacks.delete(inventory.environment)
            # Airflow may have made another one until it went.
            self._clusters.end()
        if inventory.bucket and not keep_bucket:
            Bucket(self._target, inventory.bucket, self._progress).remove()
        if inventory.foundation:
            self._stacks.delete(inventory.foundation)
        for name in inventory.log_groups:
            self._forget_log_group(name)

    def _bucket(self, foundation: Stack | None) -> Bucket | None:
        """The bucket that the first stack has made. One of a team's or of another stack is not the deployment's."""
        name = self._made_bucket(foundation) if foundation else ""
        if name:
            bucket = Bucket(self._target, name, self._progress)
            return bucket if bucket.exists() else None
        if not (self._project.folder / FOUNDATION).is_file():
            return None
        resolved = infra_of(self._project, self._target.region, self._target.account).foundation
        name = named_bucket(resolved) if resolved else ""
        bucket = Bucket(self._target, name, self._progress)
        return bucket if name and bucket.exists() and not bucket.is_of_another(self._first) else None

    def _made_bucket(self, foundation: Stack) -> str:
        """Of the buckets that the stack has made the one that it puts out; any, as long as it puts out nothing."""
        made = self._stacks.buckets_of(foundation)
        name = foundation.outputs.get("Bucket") or next(iter(made), "")
        return name if name in made else ""

    def _log_groups(self) -> Iterator[str]:
        """Those that are there; by their whole names, since another environment's may begin alike."""
        wished = {f"airflow-{self._name}-{one}" for one in _LOG_GROUPS}
        logs = self._target.client("logs")
        pages = logs.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix=f"airflow-{self._name}-"
        )
        found = (one["logGroupName"] for page in pages for one in page["logGroups"])
        yield from sorted(name for name in found if name in wished)

    def _forget_log_group(self, name: str) -> None:
        try:
            self._target.client("logs").delete_log_group(logGroupName=name)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
