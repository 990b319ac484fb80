"""What Amazon EMR does meanwhile: clusters and steps, told when their state changes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr.type_defs import ClusterSummaryTypeDef, StepSummaryTypeDef


def _client() -> "EMRClient":
    return boto3.client(
        "emr", config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
    )


@dataclass
class EmrWatch:
    """The clusters that were made since `since`. AWS is found by the SDK's environment variables."""

    since: datetime
    _client: "EMRClient" = field(default_factory=_client)
    _seen: dict[str, str] = field(default_factory=dict)
    _log_uris: dict[str, str] = field(default_factory=dict)

    def news(self) -> list[str]:
        """A line for each change since the last call; none while EMR does not answer."""
        try:
            return list(self._changes())
        except (BotoCoreError, ClientError):
            # Whether the service lives is watched, and said, elsewhere.
            return []

    def _changes(self) -> Iterator[str]:
        for cluster in self._clusters():
            identity, status = cluster["Id"], cluster["Status"]
            if self._changed(identity, status["State"]):
                reason = status.get("StateChangeReason", {}).get("Message", "")
                yield f"EMR cluster {identity} {status['State']}{f': {reason}' if reason else ''}"
            for step in self._steps(identity):
                if self._changed(step["Id"], step["Status"]["State"]):
                    yield f"EMR step {step['Id']} {step['Name']} {step['Status']['State']}{self._logs(identity, step)}"

    def failures(self) -> list[str]:
        """What EMR says of each step that failed."""
        try:
            return [line for cluster in self._clusters() for line in self._failed_steps(cluster["Id"])]
        except (BotoCoreError, ClientError) as error:
            return [f"EMR cannot be asked why: {error}"]

    def _failed_steps(self, cluster_id: str) -> Iterator[str]:
        for step in self._steps(cluster_id):
            if details := step["Status"].get("FailureDetails"):
                said = ". ".join(
                    text for key in ("Reason", "Message") if (text := str(details.get(key) or ""))
                )
                log = details.get("LogFile")
                yield f"EMR step {step['Id']} {step['Name']}: {said}{f' Log: {log}' if log else ''}"

    def _clusters(self) -> "list[ClusterSummaryTypeDef]":
        pages = self._client.get_paginator("list_clusters").paginate(CreatedAfter=self.since)
        return [cluster for page in pages for cluster in page["Clusters"]]

    def _steps(self, cluster_id: str) -> "list[StepSummaryTypeDef]":
        pages = self._client.get_paginator("list_steps").paginate(ClusterId=cluster_id)
        return [step for page in pages for step in page["Steps"]][::-1]

    def _changed(self, identity: str, state: str) -> bool:
        before = self._seen.get(identity)
        self._seen[identity] = state
        return before != state

    def _logs(self, cluster_id: str, step: "StepSummaryTypeDef") -> str:
        """Where the step's logs go, said once, when it starts to run."""
        if step["Status"]["State"] != "RUNNING":
            return ""
        if cluster_id not in self._log_uris:
            cluster = self._client.describe_cluster(ClusterId=cluster_id)["Cluster"]
            self._log_uris[cluster_id] = cluster.get("LogUri", "").replace("s3n://", "s3://").rstrip("/")
        uri = self._log_uris[cluster_id]
        return f" (logs: {uri}/{cluster_id}/steps/{step['Id']}/)" if uri else ""
