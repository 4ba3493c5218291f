"""What a forked child process gets of its parent's objects: a copy of each, in the state that it had at the fork."""

from __future__ import annotations

from functools import cached_property

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Trace


class Forks:
    """The forks of a trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        forked = {process.name for process in trace.ending.processes if process.start_method == "fork"}
        self.children = frozenset(number for number, info in enumerate(trace.actors) if info.name in forked)
        """The main actors of forked processes."""

    def is_fork(self, kind: int, thing: int, value: int) -> bool:
        """Whether an event with these numbers started a process by a fork; `value` then is the child."""
        return kind == Kind.START and value in self.children and self._trace.objects[thing].kind is ObjectKind.CHILD

    def copies(self, forker: int, child: int) -> dict[int, int]:
        """The copies that a forked process has of objects, by what the forking process has in their place."""
        processes, objects = self._trace.processes, self._trace.objects
        own = self._by_process.get(processes[forker], {})
        originals = {info[:3]: index for index, info in enumerate(objects) if not info.process}
        return {
            own.get(key, originals.get(key, index)): index
            for key, index in self._by_process.get(processes[child], {}).items()
            if objects[index].process
        }

    @cached_property
    def _by_process(self) -> dict[str, dict[tuple[int, ObjectKind, int], int]]:
        trace = self._trace
        found: dict[str, dict[tuple[int, ObjectKind, int], int]] = {}
        for index, info in enumerate(trace.objects):
            home = info.process or (trace.processes[info.creator] if trace.actors else "")
            found.setdefault(home, {})[info[:3]] = index
        return found
