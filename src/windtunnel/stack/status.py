"""What runs: each service as supervisord, its own health and the system tell it."""

import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from windtunnel.stack import leftovers
from windtunnel.stack.lifecycle import healthy
from windtunnel.stack.records import Record
from windtunnel.stack.service import Service
from windtunnel.stack.stack import ServiceStatus
from windtunnel.stack.supervisor import State, Supervisor


def report(supervisor: Supervisor, services: Sequence[Service]) -> list[ServiceStatus]:
    """The status of every service that there should be, and of what was started and should not be."""
    states, known = supervisor.states(), supervisor.records()
    # Health is asked of the places that the settings of now name; elsewhere it would be another service's.
    asked = [s for s in services if s.name in known and states and s.name in states and states[s.name].is_up]
    health = healthy(asked)
    names = dict.fromkeys([s.name for s in services] + list(states or {}))
    ports = {s.name: s.port for s in services} | {r.name: r.port for r in known.values()}
    found = []
    for name in names:
        state, record = (states or {}).get(name), known.get(name)
        words, well = _words(supervisor, state, record, health.get(name, False))
        up = state is not None and state.is_up
        found.append(
            ServiceStatus(
                name=name,
                state=words,
                is_well=well,
                pid=state.pid if state else None,
                port=ports.get(name),
                uptime=time.time() - state.since if state and up else None,
                memory=_memory(record) if record and up else None,
            )
        )
    return found


def _words(
    supervisor: Supervisor, state: State | None, record: Record | None, is_healthy: bool
) -> tuple[str, bool]:
    if state is None:
        if record and leftovers.find(record.identity):
            return "runs, but its supervisor was killed", False
        return "down", False
    if state.is_up:
        return ("healthy", True) if is_healthy else ("not healthy", False)
    if state.state in ("EXITED", "BACKOFF", "FATAL"):
        return f"died ({supervisor.how_it_ended(state.name)})", False
    return "down" if state.is_stopped else state.state.lower(), False


def _memory(record: Record) -> int:
    return sum(memory_of(process) for process in leftovers.find(record.identity))


def memory_of(process: psutil.Process) -> int:
    """The memory of a process in bytes; what it shares is counted in proportion where the system says so."""
    with suppress(psutil.Error, OSError):
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.uss)
    return 0
