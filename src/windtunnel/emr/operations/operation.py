"""What an operation is."""

from collections.abc import Callable, Mapping
from typing import Any

from windtunnel.aws.service import RequestContext
from windtunnel.emr.store import Store

Operation = Callable[[Store, RequestContext, dict[str, Any]], Mapping[str, Any] | None]
"""One operation: reads or writes the store in one transaction, starts nothing, waits for nothing."""
