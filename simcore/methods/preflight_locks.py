"""Which locks were held when a process was forked, and by whom, from the events of the recorded run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.twins import Twins, hosts_of

_KINDS: Final = frozenset({ObjectKind.LOCK, ObjectKind.RLOCK})


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that `holder` held, since the site `taken`, when the process was forked; both are indices of the trace."""

    identity: tuple[int, int, int]
    object: int
    holder: int
    forker: int
    taken: int


def held_at_forks(trace: Trace) -> dict[str, list[Held]]:
    """For each process that was forked, by its name, the locks that were held in its parent at that moment.

    A re-entrant lock of the thread that forks is left out: in the child that is the one thread's own.
    """
    columns = trace.columns
    twins = Twins(hosts_of((index, info.name) for index, info in enumerate(trace.actors)))
    kinds = [int(info.kind) for info in trace.objects]
    forked = {process.name for process in trace.ending.processes if process.start_method == "fork"}
    found: dict[str, list[Held]] = {}
    rows = zip(columns.actor, columns.kind, columns.object, columns.value, columns.site, strict=True)
    for actor, kind, obj, value, site in rows:
        if kind == Kind.START and kinds[obj] == ObjectKind.CHILD and trace.actors[value].name in forked:
            found[trace.actors[value].name] = _held(trace, twins, actor)
        elif kind < Kind.SLEEP:
            twins.feed(actor, kind, obj, kinds[obj], value, site)
    return found


def _held(trace: Trace, twins: Twins, forker: int) -> list[Held]:
    process = trace.processes[forker]
    held = []
    for obj, twin in twins.locks.items():
        info = trace.objects[obj]
        home = info.process or trace.processes[info.creator]
        if twin.owner < 0 or info.kind not in _KINDS or home != process:
            continue
        if info.kind is ObjectKind.RLOCK and twin.owner == forker:
            continue
        held.append(Held(info[:3], obj, twin.owner, forker, twin.taken[0] if twin.taken else 0))
    return held


def name_of(trace: Trace, held: Held, reached: Mapping[tuple[int, int, int], str]) -> str:
    """What to call the lock: by where the target finds it, else as the trace does."""
    return reached.get(held.identity) or trace.object_labels[held.object]
