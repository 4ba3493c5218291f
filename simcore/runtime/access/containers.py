"""Hooks of what is in a container: its items, its methods, all of it."""

from collections import deque
from collections.abc import Callable
from functools import partial
from operator import contains as operator_contains
from operator import delitem, getitem, setitem, truth
from types import BuiltinMethodType
from typing import Any, Final

from simcore.runtime.access.accesses import (
    before,
    fields,
    is_next,
    kept_item,
    plainly,
    updated,
)
from simcore.runtime.access.attributes import load_attr
from simcore.runtime.access.kinds import (
    METHODS,
    Method,
    finds_plainly,
    has_own_length,
    in_one_step,
    is_easy,
    items_of,
    makes_plainly,
)
from simcore.runtime.access.objects import is_plain, key_of, word
from simcore.runtime.access.spots import UPDATES
from simcore.runtime.actors import acting
from simcore.runtime.frames import hide
from simcore.trace.events import Kind


def load_item(thing: Any, key: Any, spot: int) -> Any:
    actor = acting()
    if actor is None:
        return thing[key]
    gets, _, _, _, may_miss = items_of(type(thing))
    if not gets:
        return thing[key]
    if is_plain(key):
        if may_miss:
            told = is_next(actor, Kind.LOAD)
            if not (key in thing if told is None else told):
                # No update: `thing[key] += 1` knows those as what it does in one step.
                if makes_plainly(thing):
                    return plainly(actor, Kind.ASSIGN, thing, spot, key_of(thing, key), getitem, thing, key)
                before(actor, Kind.ASSIGN, thing, spot, key_of(thing, key))
                return thing[key]
        return plainly(actor, Kind.LOAD, thing, spot, key_of(thing, key), getitem, thing, key)
    before(actor, Kind.LOAD, thing, spot, key_of(thing, key))
    return thing[key]


def store_item(value: Any, thing: Any, key: Any, spot: int) -> None:
    actor = acting()
    if actor is None or not items_of(type(thing))[1]:
        thing[key] = value
    elif is_plain(key) and (type(key) is not slice or is_easy(value)):
        plainly(actor, Kind.ASSIGN, thing, spot, key_of(thing, key), setitem, thing, key, value)
    else:
        before(actor, Kind.ASSIGN, thing, spot, key_of(thing, key))
        thing[key] = value


def del_item(thing: Any, key: Any, spot: int) -> None:
    actor = acting()
    if actor is None or not items_of(type(thing))[2]:
        del thing[key]
    elif is_plain(key):
        plainly(actor, Kind.ASSIGN, thing, spot, key_of(thing, key), delitem, thing, key)
    else:
        before(actor, Kind.ASSIGN, thing, spot, key_of(thing, key))
        del thing[key]


def update_item(thing: Any, key: Any, value: Any, op: int, spot: int) -> None:
    actor = acting()
    gets, sets, _, _, _ = items_of(type(thing))
    if actor is not None and gets and sets and is_plain(key) and type(key) is not slice:
        told = is_next(actor, Kind.UPDATE)
        if told is None:
            told = (not hasattr(type(thing), "__missing__") or key in thing) and in_one_step(kept_item(thing, key), value)
        if told:
            plainly(actor, Kind.UPDATE, thing, spot, key_of(thing, key), updated, getitem, setitem, (thing, key), op, value)
            return
    store_item(UPDATES[op](load_item(thing, key, spot), value), thing, key, spot)


def _call(bound: Callable[..., Any], spot: int, *arguments: Any, **named: Any) -> Any:
    """Call a container's own method."""
    actor, thing, name = acting(), bound.__self__, fields[spot]  # type: ignore[attr-defined]
    try:
        if actor is None:
            return bound(*arguments, **named)
        method = METHODS.get(name, Method.READS_ANY)
        keyed = method in (Method.READS_KEY, Method.CHANGES_KEY)
        plain_call = (
            not named
            and method < Method.READS_ANY
            and (not keyed or (bool(arguments) and is_plain(arguments[0])))
            and (method is not Method.CHANGES_BY or all(map(is_easy, arguments)))
            and (method is not Method.CHANGES or name not in ("pop", "insert", "rotate") or all(map(is_plain, arguments[:1])))
        )
        kind = {
            Method.READS: Kind.LOAD,
            Method.READS_KEY: Kind.LOAD,
            Method.READS_ANY: Kind.LOAD,
            Method.CLEARS: Kind.ASSIGN,
        }.get(method, Kind.UPDATE)
        key = key_of(thing, arguments[0]) if method is Method.READS_KEY and arguments else word(f"* {name}")
        if not plain_call:
            before(actor, kind, thing, spot, key)
            return bound(*arguments, **named)
        return plainly(actor, kind, thing, spot, key, bound, *arguments)
    except BaseException as error:
        hide(error)
        raise


def method(thing: Any, spot: int) -> Any:
    if acting() is None or not items_of(type(thing))[3]:
        return load_attr(thing, spot)
    bound = getattr(thing, fields[spot])
    if type(bound) is BuiltinMethodType and bound.__self__ is thing:
        return partial(_call, bound, spot)
    return bound


def whole(value: Any, spot: int) -> Any:
    actor = acting()
    if actor is not None and items_of(type(value))[3]:
        if fields[spot] in _AT_ONCE and type(value) in _IN_ORDER:
            return plainly(actor, Kind.LOAD, value, spot, word("*"), list, value)
        before(actor, Kind.LOAD, value, spot, word("*"))
    return value


_AT_ONCE: Final = frozenset({"all", "any", "list", "max", "min", "sorted", "sum", "tuple", "*", "unpack"})
"""Readers that go through all items before anything else is done with them: a copy, made in one step, is as good."""

_IN_ORDER: Final = frozenset({list, dict, deque})
"""Exact types whose items a list has in the same order."""


def length(value: Any, spot: int) -> int:
    actor = acting()
    if actor is not None and has_own_length(type(value)):
        told: int = plainly(actor, Kind.LOAD, value, spot, word("*"), len, value)
        return told
    return len(whole(value, spot))


def is_true(value: Any, spot: int) -> Any:
    """The value, or whether it is true."""
    if not items_of(type(value))[3]:
        return value
    actor = acting()
    if actor is None or not has_own_length(type(value)):
        return value
    return plainly(actor, Kind.LOAD, value, spot, word("*"), truth, value)


def contains(item: Any, thing: Any, spot: int) -> bool:
    actor = acting()
    if actor is not None and items_of(type(thing))[3]:
        if is_plain(item) and finds_plainly(thing):
            told: bool = plainly(actor, Kind.LOAD, thing, spot, word("*"), operator_contains, thing, item)
            return told
        before(actor, Kind.LOAD, thing, spot, word("*"))
    return item in thing
