"""The kinds of bugs that simcore knows, through the hook that anybody's come through; the first that says yes names a race."""

from __future__ import annotations

from typing import Final

from simcore.api import bug_kind, hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from simcore.analysis.evidence import Evidence


@bug_kind(
    name="double-checked locking",
    title="double-checked locking of {}",
    means="It is read without the lock under which it is written, and that read decides whether to write.",
)
def double_checked_locking(race: Evidence) -> bool:
    """One looks without the lock under which the other looks again, and decides by both whether to write."""
    for reader, writer in race.both_ways():
        mine = {held.lock.name for held in reader.locks}
        taken = [held.taken_at for held in writer.locks if held.lock.name not in mine]
        if reader.does != "reads" or "writes" not in writer.does or race.bond(reader.site, writer.site) != "choice":
            continue
        again = (read for read, write in race.looks if write == writer.site and read != reader.site)
        if any(look.file == place.file and place.line < look.line <= writer.site.line for look in again for place in taken):
            return True
    return False


@bug_kind(
    title="lost update of {}",
    means="One actor's write is lost: another one had read the value before it and writes its own result after it.",
    about="value",
)
def lost_update(race: Evidence) -> bool:
    """A read, and a write of what came of it; somebody else writes in between, or could."""
    return any(use.bond == "value" for use in race.uses)


@bug_kind(
    name="check-then-act",
    title="check-then-act on {}",
    means="What was checked may no longer hold when it is acted upon: another actor writes in between.",
    about="choice",
)
def check_then_act(race: Evidence) -> bool:
    """What was read decides whether to write, or to rely on it; somebody else writes in between, or could."""
    return any(use.bond == "choice" for use in race.uses)


@bug_kind(
    title="{} is read before its object is ready",
    means="Another actor reads an attribute that `__init__` writes, with nothing that orders the two.",
    fix="let others see the object when its `__init__` has ended, by way of a lock, a queue or an Event",
)
def publish_before_init(race: Evidence) -> str | bool:
    """`__init__` writes what somebody else accesses outside of it; it struck where the read came first."""
    for one, other in race.both_ways():
        if is_init(one.site.function) and not is_init(other.site.function) and one.does == "writes":
            return "struck" if race.sides[0].does == "reads" else True
    return False


@bug_kind(
    name="write-write",
    title="{} is written twice in no order",
    means="Two writes of one place, by different actors, that nothing orders.",
)
def write_write(race: Evidence) -> bool:
    """Nobody reads."""
    return race.only_writes


@bug_kind(
    name="read-write",
    title="{} is read and written in no order",
    means="A read and a write of one place, by different actors, that nothing orders.",
)
def read_write(race: Evidence) -> bool:
    """All others."""
    return True


def is_init(function: str) -> bool:
    """Whether a function makes an object ready."""
    return function.rpartition(".")[2] == "__init__"


KINDS: Final = (double_checked_locking, lost_update, check_then_act, publish_before_init, write_write, read_write)


@hookimpl
def simcore_bug_kinds() -> tuple[Callable[..., object], ...]:
    """All six, in the order in which they are asked."""
    return KINDS
