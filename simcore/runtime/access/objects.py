"""Which object is which: each one whose data is accessed has a number, as long as it lives.

An object is known by its address. It is forgotten when it dies, where it can say so (by a weak reference); of lists, dicts and
others that cannot, when a new one may have got the address of a dead one: `born` is called with what displays, comprehensions and
calls evaluate to, and forgets what nobody else can have seen. Numbers are handed out under `lock`, which is held as well while
plain data is accessed, so that the order of the records is the order of the accesses. Under it runs nothing of the program's.
"""

import os
import sys
from types import CellType, ModuleType
from typing import Any, Final
from weakref import ref

from simcore.runtime import numbering, originals, segment
from simcore.runtime.access.kinds import ATOMS
from simcore.runtime.actors import Actor, emit
from simcore.runtime.core import core
from simcore.runtime.segment import TAG_WORD
from simcore.trace.events import Kind, ObjectKind

lock = originals.RLock()
"""Re-entrant: a signal handler or finaliser that comes in between is the same thread's."""

INTEGER: Final = 1 << 30
"""A key from here on is an integer by itself: INTEGER + n. Below are the numbers of words; 0 is no key."""

by_address: dict[int, tuple[type, int, Any]] = {}
"""What has a number: its type, the number, and what forgets it when it dies, None where it cannot say that."""

_words: dict[str, int] = {}
_told: set[int] = set()
_refcount = sys.getrefcount


def _new_lock() -> None:
    global lock
    lock = originals.RLock()


os.register_at_fork(after_in_child=_new_lock)


def word(text: str) -> int:
    """The number of a text that stands in records: a key, or the name of a type."""
    number = _words.get(text)
    if number is None:
        number = next(numbering.object_numbers)
        segment.current.define(TAG_WORD, number, text)
        _words[text] = number
    return number


def number_of(actor: Actor, thing: Any) -> int:
    """The number of an object; a new one is given, and recorded with its kind and type, to one that is met for the first time."""
    known = by_address.get(id(thing))
    if known is not None and known[0] is type(thing):
        return known[1]
    with lock:
        known = by_address.get(id(thing))
        if known is not None and known[0] is type(thing):
            return known[1]
        number = next(numbering.object_numbers)
        describe(actor, number, thing)
        by_address[id(thing)] = (type(thing), number, _watched(thing, id(thing), number))
    return number


_name_of: Final = type.__dict__["__name__"].__get__
"""Of a type, whatever its metaclass says."""


def describe(actor: Actor, number: int, thing: Any) -> None:
    """Record what the object with this number is."""
    kind = ObjectKind.GLOBAL if _is_namespace(thing) else ObjectKind.CELL if type(thing) is CellType else ObjectKind.ATTRIBUTE
    name = thing.get("__name__", "") if kind is ObjectKind.GLOBAL else _name_of(thing if isinstance(thing, type) else type(thing))
    emit(actor, Kind.CREATE, number, 0, kind << 32 | word(str(name)))


def describe_once(actor: Actor, number: int, thing: Any) -> None:
    """The same in a replay, where the trace has the numbers."""
    if number not in _told:
        _told.add(number)
        describe(actor, number, thing)


def _is_namespace(thing: Any) -> bool:
    """Whether this dict is what a module's variables are in."""
    if type(thing) is not dict or "__name__" not in thing:
        return False
    module = sys.modules.get(thing["__name__"]) if type(thing["__name__"]) is str else None
    return isinstance(module, ModuleType) and vars(module) is thing


class _Watch(ref):  # type: ignore[type-arg]
    """What forgets an object when it dies. One object of ours for each of the program's: it counts as young garbage does."""

    __slots__ = ("address", "number")

    address: int
    number: int


def _forget(watch: _Watch, known: dict[int, Any] = by_address, core: Any = core) -> None:  # at the end globals are None
    its = known.get(watch.address)
    if its is not None and its[1] == watch.number:
        del known[watch.address]
        if core is not None:
            core.forget(watch.address)


def _watched(thing: Any, address: int, number: int) -> _Watch | None:
    """What forgets the object when it dies, or None."""
    try:
        watch = _Watch(thing, _forget)
    except TypeError:
        if core is not None:
            core.note(address)
        return None
    watch.address, watch.number = address, number
    return watch


def born(value: Any) -> Any:
    """Forget whoever had this address, if it is a new object: then nobody but the caller has it."""
    known = by_address.get(id(value))
    if known is not None and known[2] is None and _refcount(value) <= _NEW:
        del by_address[id(value)]
    return value


def born_anew(value: Any) -> Any:
    """The same for the core, which has counted the references."""
    known = by_address.get(id(value))
    if known is not None and known[2] is None:
        del by_address[id(value)]
        core.forget(id(value))
    return value


def _references(value: Any) -> int:
    return _refcount(value)


_NEW: Final = _references([])
"""References that a function's parameter has whose argument nobody keeps."""

_MOST: Final = 80


def is_plain(key: Any) -> bool:
    """Whether looking for this key runs no code of the program's."""
    kind = type(key)
    return id(kind) in ATOMS or (kind is tuple and all(map(is_plain, key))) or (kind is slice and _is_plain_slice(key))


def _is_plain_slice(key: slice) -> bool:
    return all(part is None or type(part) is int for part in (key.start, key.stop, key.step))


def key_of(thing: Any, key: Any) -> int:
    """What stands in a record for an item's key or index."""
    kind = type(key)
    if kind is int:
        if key < 0 and not isinstance(thing, dict):
            key += len(thing)
        if 0 <= key < INTEGER:
            return INTEGER + int(key)
    if kind is slice:
        return word("*")
    if not is_plain(key):
        return word("?")
    text = repr(key)
    return word(text if len(text) <= _MOST else f"{text[: _MOST - 3]}...")
