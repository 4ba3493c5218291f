"""The numbers that other programs know processes and threads by: pids as recorded, thread ids of our own."""

from __future__ import annotations

from typing import NamedTuple

from simcore.trace.model import Trace
from simcore.trace.words import Words

OWN_NUMBERS = 1 << 24
"""Numbers from here on are no pid of any system: a trace does not know the ids that the kernel gave to threads."""


class Track(NamedTuple):
    """A thread of a process, or a lock: `pid` its process, `tid` its number in it, `name` what a person calls it."""

    pid: int
    tid: int
    name: str


class Tracks:
    """`processes` has the pid and name of each process by its own name, `actors` a track per actor."""

    def __init__(self, trace: Trace, words: Words) -> None:
        pids = {info.name: info.pid for info in trace.ending.processes}
        if trace.actors:
            pids.setdefault(trace.processes[0], trace.header.pid)
        methods = {info.name: info.start_method for info in trace.ending.processes}
        mains = {info.name: actor for actor, info in enumerate(trace.actors)}
        self.processes: dict[str, tuple[int, str]] = {}
        taken: set[int] = set()
        for number, name in enumerate(dict.fromkeys(trace.processes)):
            pid = pids.get(name, 0)
            if pid <= 0 or pid in taken:  # unknown, or given again by the system to a later process
                pid = OWN_NUMBERS + number
            taken.add(pid)
            called = words.actor(mains[name]) if name in mains else name
            self.processes[name] = pid, f"{called} ({methods[name]})" if methods.get(name) else called
        first_of_threads = OWN_NUMBERS + len(self.processes)
        self.actors: list[Track] = []
        for actor, info in enumerate(trace.actors):
            pid = self.processes[trace.processes[actor]][0]
            is_main = info.name == trace.processes[actor]
            self.actors.append(Track(pid, pid if is_main else first_of_threads + actor, words.actor(actor)))
