"""The hooks that rewritten code calls: each does what Python does, and records it where it is an access (see `spots`)."""

import builtins
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property, partial
from operator import contains as operator_contains
from operator import delitem, getitem, setitem, truth
from sys import _getframe as get_frame
from types import BuiltinMethodType, CellType, FrameType
from typing import Any, Final

from simcore.runtime.access import plainly as plain
from simcore.runtime.access.accesses import (
    before,
    by_class,
    fields,
    is_next,
    kept_attr,
    kept_item,
    named,
    plainly,
    site_of,
    updatable,
    update_quickly,
    updated,
)
from simcore.runtime.access.kinds import (
    METHODS,
    Holder,
    Method,
    finds_plainly,
    forget_types,
    has_own_length,
    in_one_step,
    is_easy,
    items_of,
    its_own,
    load_holder,
    makes_plainly,
    of_class,
    static_of,
    store_holder,
)
from simcore.runtime.access.objects import born, born_anew, is_plain, key_of, number_of, word
from simcore.runtime.access.plainly import Slot
from simcore.runtime.access.spots import UPDATES, hook
from simcore.runtime.actors import Actor, acting
from simcore.runtime.core import core
from simcore.runtime.frames import hide
from simcore.trace.events import Kind

_CONTENTS: Final = "cell_contents"


def _quietly(function: Callable[..., Any]) -> Any:
    """The same function, with none of our frames in the tracebacks of its errors."""

    def called(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except BaseException as error:
            hide(error)
            raise

    return called


# Attributes ---------------------------------------------------------------------------------------------------------------------


def load_attr(thing: Any, spot: int) -> Any:
    actor, name = acting(), fields[spot]
    if actor is None:
        return getattr(thing, name)
    holder = load_holder(type(thing), name)
    if holder is Holder.ITSELF:
        return plainly(actor, Kind.LOAD, thing, spot, 0, getattr, thing, name)
    if holder is Holder.EITHER:
        return by_class(actor, of_class(type(thing), name) or type(thing), thing, spot, name)
    if holder is Holder.CLASS:
        return _load_inherited(actor, thing, name, spot)
    if holder is Holder.MAYBE:
        return _load_or_call(actor, thing, name, spot)
    if holder is Holder.MODULE:
        values = vars(thing)
        if name in values and not callable(values[name]):
            return plainly(actor, Kind.LOAD, values, spot, 0, getattr, thing, name)
    return getattr(thing, name)


def _load_inherited(actor: Actor, cls: Any, name: str, spot: int) -> Any:
    """An attribute that a class has, or else one of its bases: that it is missing in the class itself was an access too."""
    if of_class(cls, name) is None:
        return getattr(cls, name)
    value = plainly(actor, Kind.LOAD, cls, spot, 0, vars(cls).get, name, _MISSING)
    if value is not _MISSING:
        return value
    base = of_class(cls, name)
    if base is not None and base is not cls:
        value = plainly(actor, Kind.LOAD, base, spot, 0, vars(base).get, name, _MISSING)
        if value is not _MISSING:
            return value
    return getattr(cls, name)


_MISSING: Final = object()


def _load_or_call(actor: Actor, thing: Any, name: str, spot: int) -> Any:
    """An attribute that the object has, or else it is a call: that it is missing was an access too."""
    names, kind = getattr(thing, "__dict__", None), type(thing)
    if type(names) is not dict:
        return getattr(thing, name)
    value = plainly(actor, Kind.LOAD, thing, spot, 0, names.get, name, _MISSING)
    if value is not _MISSING:
        return value
    found, static = static_of(kind, name)
    if type(static) is cached_property:
        return _made_once(actor, thing, name, names, static, spot)
    if not found:
        return kind.__getattr__(thing, name)
    try:
        return type(static).__get__(static, thing, kind)
    except AttributeError:
        if not hasattr(kind, "__getattr__"):
            raise
    return kind.__getattr__(thing, name)


def _made_once(actor: Actor, thing: Any, name: str, names: dict[str, Any], static: Any, spot: int) -> Any:
    """As `cached_property.__get__` from Python 3.12 on, and before that, when it had a lock."""
    with getattr(static, "lock", _NO_LOCK):
        value = plainly(actor, Kind.LOAD, thing, spot, 0, names.get, name, _MISSING)
        if value is _MISSING:
            value = static.func(thing)
            plainly(actor, Kind.ASSIGN, thing, spot, 0, setitem, names, name, value)
    return value


_NO_LOCK: Final = nullcontext()


def _stored_in(thing: Any, name: str) -> Any:
    """Whose place an attribute is that is written, or None where writing is a call."""
    holder = store_holder(type(thing), name)
    if holder is Holder.NOBODY:
        return None
    return vars(thing) if holder is Holder.MODULE else thing


def store_attr(value: Any, thing: Any, spot: int) -> None:
    actor, name = acting(), fields[spot]
    whose = None if actor is None else _stored_in(thing, name)
    if actor is None or whose is None:
        setattr(thing, name, value)
        return
    plainly(actor, Kind.ASSIGN, whose, spot, 0, setattr, thing, name, value)
    if isinstance(thing, type):
        _forget_types()


def _forget_types() -> None:
    forget_types()
    updatable[:] = [None] * len(updatable)


def del_attr(thing: Any, spot: int) -> None:
    actor, name = acting(), fields[spot]
    whose = None if actor is None else _stored_in(thing, name)
    if actor is None or whose is None:
        delattr(thing, name)
        return
    plainly(actor, Kind.ASSIGN, whose, spot, 0, delattr, thing, name)
    if isinstance(thing, type):
        _forget_types()


def update_attr(thing: Any, value: Any, op: int, spot: int) -> None:
    try:
        if core is None and update_quickly(thing, value, op, spot):
            return
        _update_attr(thing, value, op, spot)
    except BaseException as error:
        hide(error)
        raise


def _update_attr(thing: Any, value: Any, op: int, spot: int) -> None:
    actor, name = acting(), fields[spot]
    holder = load_holder(type(thing), name)
    if actor is not None and holder in _OBJECTS and store_holder(type(thing), name) is Holder.ITSELF:
        if holder is Holder.ITSELF:
            site_of(spot)
            updatable[spot] = type(thing)
        told = is_next(actor, Kind.UPDATE)
        if told is None:
            told = (holder is Holder.ITSELF or its_own(thing, name)) and in_one_step(getattr(thing, name, thing), value)
        if told:
            plainly(actor, Kind.UPDATE, thing, spot, 0, updated, getattr, setattr, (thing, name), op, value)
            return
    store_attr(UPDATES[op](load_attr(thing, spot), value), thing, spot)


_OBJECTS: Final = (Holder.ITSELF, Holder.EITHER)


# Items --------------------------------------------------------------------------------------------------------------------------


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


# Attributes by names that are computed ------------------------------------------------------------------------------------------


def get_named(thing: Any, name: Any, *rest: Any) -> Any:
    *default, spot = rest
    if type(name) is not str or acting() is None:
        return getattr(thing, name, *default)
    try:
        return load_attr(thing, named(spot, name))
    except AttributeError:
        if default:
            return default[0]
        raise


def has_named(thing: Any, name: Any, spot: int) -> bool:
    if type(name) is not str or acting() is None:
        return hasattr(thing, name)
    try:
        load_attr(thing, named(spot, name))
    except AttributeError:
        return False
    return True


def set_named(thing: Any, name: Any, value: Any, spot: int) -> None:
    if type(name) is not str or acting() is None:
        setattr(thing, name, value)
    else:
        store_attr(value, thing, named(spot, name))


def del_named(thing: Any, name: Any, spot: int) -> None:
    if type(name) is not str or acting() is None:
        delattr(thing, name)
    else:
        del_attr(thing, named(spot, name))


# Variables ----------------------------------------------------------------------------------------------------------------------


def _load_global(frame: FrameType, spot: int) -> Any:
    actor, name, values = acting(), fields[spot], frame.f_globals
    if actor is None:
        return plain.load_global(frame, name)
    value = plainly(actor, Kind.LOAD, values, spot, 0, values.get, name, _MISSING)
    if value is not _MISSING:
        return value
    try:
        return frame.f_builtins[name]
    except KeyError:
        raise plain.undefined(name) from None


def _store_global(values: dict[str, Any], value: Any, spot: int) -> Any:
    actor, name = acting(), fields[spot]
    if actor is None:
        values[name] = value
    else:
        plainly(actor, Kind.ASSIGN, values, spot, 0, setitem, values, name, value)
    return value


def load_global(spot: int) -> Any:
    try:
        return _load_global(get_frame(1), spot)
    except NameError as error:
        hide(error)
        raise


def store_global(value: Any, spot: int) -> Any:
    return _store_global(get_frame(1).f_globals, value, spot)


def del_global(spot: int) -> None:
    try:
        actor, name, values = acting(), fields[spot], get_frame(1).f_globals
        try:
            if actor is None:
                del values[name]
            else:
                plainly(actor, Kind.ASSIGN, values, spot, 0, delitem, values, name)
        except KeyError:
            raise plain.undefined(name) from None
    except NameError as error:
        hide(error)
        raise


def update_global(value: Any, op: int, spot: int) -> None:
    try:
        actor, name, frame = acting(), fields[spot], get_frame(1)
        values = frame.f_globals
        if actor is not None:
            told = is_next(actor, Kind.UPDATE)
            if in_one_step(values.get(name, _MISSING), value) if told is None else told:
                plainly(actor, Kind.UPDATE, values, spot, 0, updated, getitem, setitem, (values, name), op, value)
                return
        _store_global(values, UPDATES[op](_load_global(frame, spot), value), spot)
    except BaseException as error:
        hide(error)
        raise


def _load_cell(cell: CellType, frame: FrameType, spot: int) -> Any:
    actor = acting()
    if actor is None:
        return plain.load_cell(cell, frame, fields[spot])
    try:
        return plainly(actor, Kind.LOAD, cell, spot, 0, getattr, cell, _CONTENTS)
    except ValueError:
        raise plain.unbound(frame, fields[spot]) from None


def load_cell(cell: CellType, spot: int) -> Any:
    try:
        return _load_cell(cell, get_frame(1), spot)
    except NameError as error:
        hide(error)
        raise


def store_cell(value: Any, cell: CellType, spot: int) -> Any:
    actor = acting()
    if actor is None:
        cell.cell_contents = value
    else:
        plainly(actor, Kind.ASSIGN, cell, spot, 0, setattr, cell, _CONTENTS, value)
    return value


def del_cell(cell: CellType, spot: int) -> None:
    try:
        plain.load_cell(cell, get_frame(1), fields[spot])
        actor = acting()
        if actor is None:
            del cell.cell_contents
        else:
            plainly(actor, Kind.ASSIGN, cell, spot, 0, delattr, cell, _CONTENTS)
    except NameError as error:
        hide(error)
        raise


def update_cell(cell: CellType, value: Any, op: int, spot: int) -> None:
    try:
        actor, frame = acting(), get_frame(1)
        if actor is not None:
            told = is_next(actor, Kind.UPDATE)
            if in_one_step(kept_attr(cell, _CONTENTS), value) if told is None else told:
                plainly(actor, Kind.UPDATE, cell, spot, 0, updated, getattr, setattr, (cell, _CONTENTS), op, value)
                return
        store_cell(UPDATES[op](_load_cell(cell, frame, spot), value), cell, spot)
    except BaseException as error:
        hide(error)
        raise


# Targets ------------------------------------------------------------------------------------------------------------------------


class Attribute(Slot):
    __slots__ = ("spot",)

    def __init__(self, what: Any, spot: int) -> None:
        self.what, self.spot = what, spot

    v = property(
        _quietly(lambda self: load_attr(self.what, self.spot)),
        _quietly(lambda self, value: store_attr(value, self.what, self.spot)),
        _quietly(lambda self: del_attr(self.what, self.spot)),
    )


class Item(Slot):
    __slots__ = ("key", "spot")

    def __init__(self, what: Any, key: Any, spot: int) -> None:
        self.what, self.key, self.spot = what, key, spot

    v = property(
        _quietly(lambda self: load_item(self.what, self.key, self.spot)),
        _quietly(lambda self, value: store_item(value, self.what, self.key, self.spot)),
        _quietly(lambda self: del_item(self.what, self.key, self.spot)),
    )


class Global(Slot):
    __slots__ = ("frame",)

    def __init__(self, spot: int) -> None:
        self.what, self.frame = spot, get_frame(1)

    v = property(
        _quietly(lambda self: _load_global(self.frame, self.what)),
        lambda self, value: _store_global(self.frame.f_globals, value, self.what),
    )


class Cell(Slot):
    __slots__ = ("frame", "spot")

    def __init__(self, what: CellType, spot: int) -> None:
        self.what, self.spot, self.frame = what, spot, get_frame(1)

    v = property(
        _quietly(lambda self: _load_cell(self.what, self.frame, self.spot)),
        lambda self, value: store_cell(value, self.what, self.spot),
    )


_QUIETLY = (
    *(load_attr, store_attr, del_attr, load_item, store_item, del_item, update_item, method),
    *(length, is_true, contains, get_named, has_named, set_named, del_named),
)
_AS_THEY_ARE = (
    update_attr,
    load_global,
    store_global,
    del_global,
    update_global,
    load_cell,
    store_cell,
    del_cell,
    update_cell,
    whole,
    born,
)


def install() -> None:
    """Put the hooks where rewritten code finds them."""
    hooks: dict[str, Any] = {function.__name__: _quietly(function) for function in _QUIETLY}
    hooks.update((function.__name__, function) for function in _AS_THEY_ARE)
    hooks.update({"attr": Attribute, "item": Item, "global": Global, "cell": Cell})
    if core is not None:
        core.set_hooks({**hooks, "born": born_anew}, _holder, number_of, key_of, site_of)
        hooks.update((name, getattr(core, name)) for name in hooks if hasattr(core, name))
    made = {hook(name): function for name, function in hooks.items()}
    vars(builtins).update(made)
    vars(builtins)[hook("at_end")] = _AtEnd(vars(builtins), made)


class _AtEnd:
    """Dies when the interpreter has put `builtins` back as it was at its start, and puts the hooks there again.

    Finalisers of what modules held run later still, and no module has its variables then: Python's own are all that is used.
    """

    __slots__ = ("found", "made")

    def __init__(self, found: dict[str, Any], made: dict[str, Any]) -> None:
        self.found, self.made = found, made

    def __del__(self) -> None:
        self.found.update(self.made)


def _holder(kind: type, name: str, stores: int) -> int:
    """For the core: 1 where the object has the attribute itself, 0 where it is no data, else 2."""
    holder = store_holder(kind, name) if stores else load_holder(kind, name)
    return {Holder.NOBODY: 0, Holder.ITSELF: 1}.get(holder, 2)
