"""What a deployment would do, and how that reads."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from windtunnel.deploy.bucket import Sync
from windtunnel.deploy.changes import Change, ChangeSet
from windtunnel.deploy.files import File, sizes
from windtunnel.deploy.target import Target

MOST_NAMES = 12
"""Names of one list; the rest is counted."""


@dataclass(frozen=True)
class StackPlan:
    """What becomes of one stack."""

    name: str
    act: Literal["make", "make anew", "change", "leave"]
    resources: Sequence[str] = ()
    """The types of what is to be made, one for each resource."""
    change_set: ChangeSet | None = None
    """What AWS says of a stack that is there; of the second one a preview."""
    to_come: Sequence[str] = ()
    """Parameters whose values only the first stack's change will tell, so that there is no preview."""

    @property
    def changes(self) -> tuple[Change, ...]:
        return self.change_set.changes if self.change_set else ()

    def lines(self) -> Iterator[str]:
        if self.act == "leave":
            yield f"Stack {self.name}: unchanged"
        elif self.to_come:
            yield (
                f"Stack {self.name}: to change, how is known once the first stack tells {', '.join(self.to_come)}; "
                f"nothing of it is removed or replaced before a plan has shown that"
            )
        elif self.act == "change":
            count = len(self.changes)
            yield f"Stack {self.name}: {_counted(count, 'resource') if count else 'only outputs or tags'} to change"
            worst_first = sorted(self.changes, key=_is_harmless)
            yield from (f"  {one}" for one in _first(worst_first))
        else:
            if self.act == "make anew":
                yield f"Stack {self.name}: an earlier creation failed; what is left of it is deleted, then"
            yield f"Stack {self.name}: {_counted(len(self.resources), 'resource')} to make"
            yield from (f"  {count:>3} {kind}" for kind, count in sorted(Counter(self.resources).items()))


@dataclass(frozen=True)
class Plan:
    """What a deployment would do, from its first act to its last."""

    target: Target
    name: str
    foundation: StackPlan | None
    environment: StackPlan
    bucket: str
    """The one that is there, "" where it is still to be made."""
    files: tuple[File, ...]
    sync: Sync

    @property
    def is_empty(self) -> bool:
        stacks = [one for one in (self.foundation, self.environment) if one]
        return self.sync.is_empty and all(one.act == "leave" for one in stacks)

    def lines(self) -> Iterator[str]:
        """It in words."""
        yield f"{self.name} to {self.target}"
        yield ""
        if self.foundation:
            yield from self.foundation.lines()
        yield (
            f"Files to s3://{self.bucket}"
            if self.bucket
            else "Files to the bucket that the first stack makes"
        )
        yield from self._files()
        yield from self.environment.lines()
        yield ""
        if self.target.local:
            yield "LocalStack keeps all of it in memory, until `make down`."
        else:
            yield "What it costs, also when nothing runs: docs/infra.md."

    def _files(self) -> Iterator[str]:
        if self.sync.is_empty:
            yield "  unchanged"
        for word, files in (("new", self.sync.new), ("changed", self.sync.changed)):
            if files:
                yield f"  {_counted(len(files), f'{word} file')}, {size_of(sizes(files))}"
                yield from (
                    f"    {one}" for one in _first([f"{one.key} ({size_of(one.size)})" for one in files])
                )
        if self.sync.deleted:
            yield f"  {_counted(len(self.sync.deleted), 'file')} to delete"
            yield from (f"    {one}" for one in _first(self.sync.deleted))


def _is_harmless(change: Change) -> bool:
    return not change.destroys


def size_of(count: int) -> str:
    """Bytes for a person."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} bytes"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _first(names: Iterable[object]) -> Iterator[str]:
    listed = [str(one) for one in names]
    yield from listed[:MOST_NAMES]
    if len(listed) > MOST_NAMES:
        yield f"and {len(listed) - MOST_NAMES} more"
