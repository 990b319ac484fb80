"""The EMR clusters that a pipeline has running."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from windtunnel.deploy.errors import DeployError
from windtunnel.deploy.target import Target
from windtunnel.install.progress import Progress

TAG = "pipeline"
"""Which pipeline a cluster is of; the roles of the first stack let a DAG make no cluster without it."""
LONGEST = 1800
"""Seconds that EMR may take to end a cluster."""
_LIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
_MOST_TERMINATED = 10
"""Clusters of one call."""


@dataclass(frozen=True)
class Cluster:
    """One that is live, or ending."""

    id: str
    name: str
    state: str
    protected: bool

    def __str__(self) -> str:
        return (
            f"{self.id} {self.name}: {self.state}{', protected from termination' if self.protected else ''}"
        )


class Clusters:
    """Those with the tag of a pipeline. Everything raises DeployError, or what botocore raises."""

    def __init__(self, target: Target, pipeline: str, progress: Progress) -> None:
        self._emr = target.client("emr")
        self._poll_seconds = target.poll_seconds
        self._pipeline = pipeline
        self._progress = progress

    def live(self) -> list[Cluster]:
        """Those that still have instances."""
        pages = self._emr.get_paginator("list_clusters").paginate(ClusterStates=_LIVE)
        ids = [one["Id"] for page in pages for one in page["Clusters"]]
        found = [self._emr.describe_cluster(ClusterId=one)["Cluster"] for one in ids]
        return [
            _cluster(one) for one in found if {"Key": TAG, "Value": self._pipeline} in one.get("Tags", [])
        ]

    def end(self) -> None:
        """Terminate them all and wait until they are gone."""
        live = self.live()
        hold_unprotected(live)
        if not live:
            return
        ids = [one.id for one in live if one.state != "TERMINATING"]
        for start in range(0, len(ids), _MOST_TERMINATED):
            self._emr.terminate_job_flows(JobFlowIds=ids[start : start + _MOST_TERMINATED])
        again = Retrying(
            retry=retry_if_result(bool), stop=stop_after_delay(LONGEST), wait=wait_fixed(self._poll_seconds)
        )
        try:
            with self._progress.task(f"Ending {', '.join(one.id for one in live)}"):
                again(self._left, [one.id for one in live])
        except RetryError as error:
            raise DeployError(
                "EMR has not ended the clusters within half an hour. Run this again."
            ) from error

    def _left(self, ids: Sequence[str]) -> bool:
        states = [self._emr.describe_cluster(ClusterId=one)["Cluster"]["Status"]["State"] for one in ids]
        return any(state in _LIVE for state in states)


def hold_unprotected(clusters: Sequence[Cluster]) -> None:
    """Raises DeployError when one of them is protected from termination."""
    if kept := [one.id for one in clusters if one.protected]:
        raise DeployError(
            f"{', '.join(kept)}: protected from termination, so nothing is removed. `aws emr "
            f"modify-cluster-attributes --cluster-id {kept[0]} --no-termination-protected` takes the protection away."
        )


def _cluster(told: dict[str, Any]) -> Cluster:
    return Cluster(told["Id"], told["Name"], told["Status"]["State"], bool(told.get("TerminationProtected")))
