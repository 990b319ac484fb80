"""`docs/state-machines.md`, made from the tables of `states`: run this module in the repository to write it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from windtunnel.emr import states

PAGE = "docs/state-machines.md"

_HEAD = """# The state machines

One enum and one table each in `src/windtunnel/emr/states.py`; `transitions.change_state` is the only writer of
a state: it refuses what the tables do not know and leaves a row in `events`. This page is made from the tables
by `python -m windtunnel.emr.state_diagrams`; a test holds the two equal.
"""

_MACHINES: Mapping[str, tuple[Mapping[Any, frozenset[Any]], str]] = {
    "Clusters": (
        states.CLUSTER_TRANSITIONS,
        "STARTING installs the release and allots ports and nodes. BOOTSTRAPPING runs the bootstrap actions, then"
        " starts the daemons. RUNNING means: HDFS is out of safe mode and every started NodeManager registered."
        " TERMINATING has the reason of the end already: each code that is a failure ends in"
        " TERMINATED_WITH_ERRORS.",
    ),
    "Steps": (
        states.STEP_TRANSITIONS,
        "A pending step is cancelled at once. A running one that is asked to stop is CANCEL_PENDING until its"
        " process has ended; one that then ends with 0 is COMPLETED all the same.",
    ),
    "Instance groups": (
        states.INSTANCE_GROUP_TRANSITIONS,
        "A group, or a fleet, is RUNNING when its cluster first is. It is RESIZING from the request, or the decision of"
        " a scaling policy, until as many instances run as are asked for; SUSPENDED when ten of its instances have"
        " failed, until it is modified.",
    ),
    "Instances": (
        states.INSTANCE_TRANSITIONS,
        "A worker whose DataNode or NodeManager dies is TERMINATED, and another takes its place. One that is too many"
        " stays RUNNING while YARN drains it and HDFS copies its blocks elsewhere.",
    ),
}


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(name, *machine) for name, machine in _MACHINES.items())])


def _section(name: str, table: Mapping[Any, frozenset[Any]], words: str) -> str:
    used = {state for state, after in table.items() if after} | {
        to for after in table.values() for to in after
    }
    first = next(state for state in table if state in used and not any(state in to for to in table.values()))
    arrows = [f"    [*] --> {first.value}"]
    for before, after in table.items():
        arrows += [f"    {before.value} --> {to.value}" for to in table if to in after]
        if before in used and not after:
            arrows.append(f"    {before.value} --> [*]")
    diagram = "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])
    return f"## {name}\n\n{words}\n\n{diagram}\n"


if __name__ == "__main__":
    Path(PAGE).write_text(page())
