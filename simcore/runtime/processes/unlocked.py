"""What threads of the library's own share without a lock, and decide by: a flag, how many there are of something.

Nothing orders such a read against the write of another thread, so each is an event, of the pool or executor that it belongs to.
In replay the reader is told what it read.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import gate
from simcore.runtime.actors import acting
from simcore.runtime.sites import site_of
from simcore.trace.events import Kind


def look(number: int, ask: Callable[[], int]) -> int:
    """What the object says now; in replay, what it said."""
    actor = acting()
    if actor is None or not number:
        return ask()

    def ask_unrecorded() -> int:
        actor.raw += 1
        try:
            return ask()
        finally:
            actor.raw -= 1

    return gate.current.read(actor, Kind.READ, number, site_of(get_frame(2)), ask_unrecorded)


@contextmanager
def change(number: int, value: int) -> Iterator[None]:
    """Around what others look at: they see it behind the event that this is."""
    actor = acting()
    if actor is None or not number:
        yield
        return
    gate.current.give(actor, Kind.STORE, number, site_of(get_frame(3)), value)
    try:
        yield
    finally:
        gate.current.gave(actor)


class Adopted:
    """An attribute whose values become something else, that says what is done to it, when they are assigned."""

    def __init__(self, name: str, adopt: Callable[[Any, Any], Any]) -> None:
        self._name, self._adopt = name, adopt

    def __get__(self, owner: Any, cls: type) -> Any:
        if owner is None:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {self._name!r}")
        try:
            return owner.__dict__[self._name]
        except KeyError:
            raise AttributeError(f"{cls.__name__!r} object has no attribute {self._name!r}") from None

    def __set__(self, owner: Any, value: Any) -> None:
        owner.__dict__[self._name] = self._adopt(value, owner)


class Entries(dict[Any, Any]):
    """A dictionary that one thread changes while another looks how many entries it has, or goes through them.

    In replay it is told as many of them as there were, in the order in which they came.
    """

    simcore_id = 0

    def __setitem__(self, key: Any, value: Any) -> None:
        with change(self.simcore_id, len(self.keys())):
            super().__setitem__(key, value)

    def __len__(self) -> int:
        return look(self.simcore_id, super().__len__)

    def values(self) -> Any:
        """As `dict.values`, but a list."""
        told = look(self.simcore_id, super().__len__)
        return [*super().values()][:told]
