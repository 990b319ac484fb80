"""The end of a client of AWS at any of its calls that change something: before it is sent, or once it was answered."""

from collections.abc import Callable
from typing import Any, Literal

Moment = Literal["before", "after"]
MOMENTS: tuple[Moment, ...] = ("before", "after")
LOOKS = ("Describe", "List", "Get", "Head")
"""What the names of calls that change nothing begin with."""


class DeadError(Exception):
    """The client is dead, and whatever it would do to clean up fails too."""


class Interruption:
    """Lets clients live until their `at`-th change, from 0, and dies `before` or `after` it; None: never."""

    def __init__(self, at: int | None = None, moment: Moment = "before") -> None:
        self.changes: list[str] = []
        """The names of the calls that changed something, as far as it came."""
        self._at = at
        self._moment = moment
        self._dead = False

    def watch(self, client: Any) -> None:
        """Watch this client, too."""
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._after)

    def _before(self, model: Any, **_: Any) -> None:
        self._die_if(self._dead)
        if not model.name.startswith(LOOKS):
            self._die_if(self._at == len(self.changes) and self._moment == "before")
            self.changes.append(model.name)

    def _after(self, model: Any, **_: Any) -> None:
        self._die_if(self._dead)
        if not model.name.startswith(LOOKS):
            self._die_if(self._at == len(self.changes) - 1 and self._moment == "after")

    def _die_if(self, reached: bool) -> None:
        if reached:
            self._dead = True
            raise DeadError


def everywhere(work: Callable[[Interruption], None], check: Callable[[str], None]) -> int:
    """Do the work once for each of its changes and moments, dying there; `check` is told where. How many there were."""
    undisturbed = Interruption()
    work(undisturbed)
    check("undisturbed")
    for number, name in enumerate(undisturbed.changes):
        for moment in MOMENTS:
            one = Interruption(number, moment)
            try:
                work(one)
            except DeadError:
                check(f"dead {moment} change {number}, {name}, of {undisturbed.changes}")
            else:
                raise AssertionError(f"{name} was not reached: {one.changes}")
    return len(undisturbed.changes)
