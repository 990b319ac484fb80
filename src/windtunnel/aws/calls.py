"""Which calls were made, by whom and on what: kept in memory, told as JSON.

LocalStack's own Python loads this file too, by its path: nothing but the standard library is imported.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

MOST = 50_000
"""How many different calls are kept: far more than a run makes, and some tens of megabytes at most."""
MOST_CHARACTERS = 2048
"""Of a value: more than any name, key or ARN has."""

Key = tuple[str, str, str, tuple[tuple[str, str], ...], tuple[str, ...]]


class Calls:
    """The calls of a service, each kind once. Safe to use from several threads.

    Those of one kind have the same principal, service, operation, resource and members. Where there are more
    kinds than `most`, the one that was seen longest ago is forgotten, and what is told begins after it.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._since = time.time()
        self._lock = threading.Lock()
        # First, last and how often; in the order of the last.
        self._kept: OrderedDict[Key, list[float]] = OrderedDict()

    def note(
        self,
        principal: str,
        service: str,
        operation: str,
        resource: Mapping[str, str],
        members: Iterable[str],
    ) -> None:
        """Keep that `principal` (an access key) called `operation` on `resource`, with these `members`."""
        key = (principal, service, operation, tuple(resource.items()), tuple(members))
        now = time.time()
        with self._lock:
            times = self._kept.get(key)
            if times is None:
                self._kept[key] = [now, now, 1]
                if len(self._kept) > self._most:
                    self._since = self._kept.popitem(last=False)[1][1]
            else:
                times[1] = now
                times[2] += 1
                self._kept.move_to_end(key)

    def told(self) -> dict[str, Any]:
        """All that is kept, as `{"since": …, "calls": […]}`; times are in ISO 8601 and UTC."""
        with self._lock:
            since = self._since
            kept = [(key, (*times,)) for key, times in self._kept.items()]
        calls = [
            {
                "principal": principal,
                "service": service,
                "operation": operation,
                "resource": dict(resource),
                "members": list(members),
                "first": _iso(first),
                "last": _iso(last),
                "count": int(count),
            }
            for (principal, service, operation, resource, members), (first, last, count) in kept
        ]
        return {"since": _iso(since), "calls": calls}


def resources(
    params: Mapping[str, Any], names: Iterable[str], each: tuple[str, Iterable[Any]] | None = None
) -> Iterator[dict[str, str]]:
    """What a request is about: its members of these `names`, as far as it has them and they are text.

    `each` is a further name and its values: one resource for each, where there is any.
    """
    own = {name: value[:MOST_CHARACTERS] for name in names if (value := _text(params.get(name)))}
    name, values = each or ("", ())
    found = [text[:MOST_CHARACTERS] for value in values if (text := _text(value))]
    yield from ({**own, name: text} for text in found) if found else (own,)


def members(params: Mapping[str, Any]) -> list[str]:
    """The names of the members that a request gives, sorted; no value."""
    return sorted(name for name, value in params.items() if value is not None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
