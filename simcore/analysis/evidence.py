"""What a kind of bug is judged by: two lines, one place, and which reads and writes there belong together."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.analysis.places import Places
from simcore.analysis.race_result import Side
from simcore.trace.events import ObjectKind
from simcore.trace.model import Site, Trace


@dataclass(frozen=True, slots=True)
class Use:
    """A read and the write behind it by one actor, at lines of which one is in the race and the other side writes.

    `bond` is `value` where what was read is written again, changed; `choice` where it decides whether to write; else `none`.
    It is `choice`, too, where what was read decides whether it is read again and relied on: there `write` is that second read.
    `one_step` says that nobody comes in between, `cut` that in this run somebody's write did.
    """

    read: Site
    write: Site
    bond: str
    one_step: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two lines whose accesses to one place nothing orders, the earlier access first.

    `place` is what the program calls it, `kind` what it is. `uses` are the reads and writes there that belong together.
    """

    trace: Trace
    place: str
    kind: ObjectKind
    sides: tuple[Side, Side]
    uses: tuple[Use, ...]
    only_writes: bool
    looks: tuple[tuple[Site, Site], ...]
    """(read, write) of all that anybody read there before writing on one of the two lines, a look under a lock included."""
    places: Places
    name: str
    """The last word of what the place is called in the source, or empty."""

    def both_ways(self) -> tuple[tuple[Side, Side], tuple[Side, Side]]:
        """The sides in this order and in the other one."""
        first, second = self.sides
        return (first, second), (second, first)

    def line(self, side: Side) -> str:
        """The source of a side's line, without its indentation; empty where the trace does not have it."""
        lines = self.trace.sources.get(side.site.file, "").splitlines()
        return lines[side.site.line - 1].strip() if 0 < side.site.line <= len(lines) else ""

    def methods(self, side: Side) -> set[str]:
        """The methods that a side's line calls of the place."""
        return self.places.code.methods(side.site, self.name)

    def bond(self, read: Site, write: Site) -> str:
        """How a read at one line and a write at another would belong together: as `bond` of a use."""
        return self.places.code.bond(read, write, self.name)[0].value
