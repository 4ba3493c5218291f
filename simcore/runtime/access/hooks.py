"""The hooks that rewritten code calls: each does what Python does, and records it where it is an access (see `spots`)."""

import builtins
from collections.abc import Callable
from functools import partial
from operator import delitem, getitem, setitem
from sys import _getframe as get_frame
from types import BuiltinMethodType, CellType, FrameType
from typing import Any, Final

from simcore.runtime.access import plainly as plain
from simcore.runtime.access.accesses import (
    before,
    by_class,
    fields,
    is_next,
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
    forget_types,
    in_one_step,
    is_easy,
    items_of,
    its_own,
    load_holder,
    of_class,
    store_holder,
)
from simcore.runtime.access.objects import born, born_anew, is_plain, key_of, number_of, word
from simcore.runtime.access.plainly import Slot
from simcore.runtime.access.spots import UPDATES, hook
from simcore.runtime.actors import acting
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


def _holds(thing: Any, name: str, holder: Holder) -> Any:
    """Whose place an attribute is that is read; None where it is no data, or may be the class's or a call's."""
    if holder is Holder.ITSELF:
        return thing
    if holder is Holder.CLASS:
        return of_class(thing, name)
    if holder is Holder.MODULE:
        values = vars(thing)
        return None if name not in values or callable(values[name]) else values
    return thing if holder is Holder.MAYBE and its_own(thing, name) else None


def load_attr(thing: Any, spot: int) -> Any:
    actor, name = acting(), fields[spot]
    if actor is None:
        return getattr(thing, name)
    holder = load_holder(type(thing), name)
    whose = None if holder is Holder.NOBODY else _holds(thing, name, holder)
    if whose is None and holder is Holder.EITHER:
        return by_class(actor, of_class(type(thing), name) or type(thing), thing, spot, name)
    if whose is None and holder is Holder.MAYBE:
        before(actor, Kind.LOAD, thing, spot, 0)
    return getattr(thing, name) if whose is None else plainly(actor, Kind.LOAD, whose, spot, 0, getattr, thing, name)


def _stored_in(thing: Any, name: str) -> Any:
    """Whose place an attribute is that is written, or None where writing is a call."""
    holder = store_holder(type(thing), name)
    if holder is Holder.NOBODY:
        return None
    if holder is Holder.CLASS:
        forget_types()
        updatable[:] = [None] * len(updatable)
    return vars(thing) if holder is Holder.MODULE else thing


def store_attr(value: Any, thing: Any, spot: int) -> None:
    actor, name = acting(), fields[spot]
    whose = None if actor is None else _stored_in(thing, name)
    if actor is None or whose is None:
        setattr(thing, name, value)
        return
    kept = _kept_attr(thing, name)
    plainly(actor, Kind.ASSIGN, whose, spot, 0, setattr, thing, name, value)
    del kept


def _kept_attr(thing: Any, name: str) -> Any:
    """What is about to be replaced: its finaliser is to run behind the access, not within."""
    return thing.__dict__.get(name) if hasattr(thing, "__dict__") else getattr(thing, name, None)


def del_attr(thing: Any, spot: int) -> None:
    actor, name = acting(), fields[spot]
    whose = None if actor is None else _stored_in(thing, name)
    if actor is None or whose is None:
        delattr(thing, name)
        return
    kept = _kept_attr(thing, name)
    plainly(actor, Kind.ASSIGN, whose, spot, 0, delattr, thing, name)
    del kept


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
                before(actor, Kind.UPDATE, thing, spot, key_of(thing, key))
                return thing[key]
        return plainly(actor, Kind.LOAD, thing, spot, key_of(thing, key), getitem, thing, key)
    before(actor, Kind.LOAD, thing, spot, key_of(thing, key))
    return thing[key]


def store_item(value: Any, thing: Any, key: Any, spot: int) -> None:
    actor = acting()
    if actor is None or not items_of(type(thing))[1]:
        thing[key] = value
    elif is_plain(key) and (type(key) is not slice or is_easy(value)):
        kept = _kept_item(thing, key)
        plainly(actor, Kind.ASSIGN, thing, spot, key_of(thing, key), setitem, thing, key, value)
        del kept
    else:
        before(actor, Kind.ASSIGN, thing, spot, key_of(thing, key))
        thing[key] = value


def _kept_item(thing: Any, key: Any) -> Any:
    try:
        return dict.get(thing, key) if isinstance(thing, dict) else thing[key]
    except (LookupError, TypeError, ValueError):
        return None


def del_item(thing: Any, key: Any, spot: int) -> None:
    actor = acting()
    if actor is None or not items_of(type(thing))[2]:
        del thing[key]
    elif is_plain(key):
        kept = _kept_item(thing, key)
        plainly(actor, Kind.ASSIGN, thing, spot, key_of(thing, key), delitem, thing, key)
        del kept
    else:
        before(actor, Kind.ASSIGN, thing, spot, key_of(thing, key))
        del thing[key]


def update_item(thing: Any, key: Any, value: Any, op: int, spot: int) -> None:
    actor = acting()
    gets, sets, _, _, may_miss = items_of(type(thing))
    if actor is not None and gets and sets and is_plain(key) and type(key) is not slice:
        told = is_next(actor, Kind.UPDATE)
        if (not may_miss or key in thing) and in_one_step(_kept_item(thing, key), value) if told is None else told:
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
        kept = (
            list(thing.values() if isinstance(thing, dict) else thing) if method in (Method.CLEARS, Method.CHANGES_BY) else None
        )
        result = plainly(actor, kind, thing, spot, key, bound, *arguments)
        del kept
        return result
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
        before(actor, Kind.LOAD, value, spot, word("*"))
    return value


# Variables ----------------------------------------------------------------------------------------------------------------------


def _load_global(frame: FrameType, spot: int) -> Any:
    actor, name = acting(), fields[spot]
    if actor is None or name not in frame.f_globals:
        return plain.load_global(frame, name)
    try:
        return plainly(actor, Kind.LOAD, frame.f_globals, spot, 0, getitem, frame.f_globals, name)
    except KeyError:
        raise plain.undefined(name) from None


def _store_global(values: dict[str, Any], value: Any, spot: int) -> Any:
    actor, name = acting(), fields[spot]
    if actor is None:
        values[name] = value
    else:
        kept = values.get(name)
        plainly(actor, Kind.ASSIGN, values, spot, 0, setitem, values, name, value)
        del kept
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
        if name not in values:
            raise plain.undefined(name)
        if actor is None:
            del values[name]
        else:
            kept = values.get(name)
            plainly(actor, Kind.ASSIGN, values, spot, 0, delitem, values, name)
            del kept
    except NameError as error:
        hide(error)
        raise


def update_global(value: Any, op: int, spot: int) -> None:
    try:
        actor, name, frame = acting(), fields[spot], get_frame(1)
        values = frame.f_globals
        if actor is not None and name in values:
            told = is_next(actor, Kind.UPDATE)
            if in_one_step(values[name], value) if told is None else told:
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


def _kept_cell(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


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
        kept = _kept_cell(cell)
        plainly(actor, Kind.ASSIGN, cell, spot, 0, setattr, cell, _CONTENTS, value)
        del kept
    return value


def del_cell(cell: CellType, spot: int) -> None:
    try:
        plain.load_cell(cell, get_frame(1), fields[spot])
        actor = acting()
        if actor is None:
            del cell.cell_contents
        else:
            kept = _kept_cell(cell)
            plainly(actor, Kind.ASSIGN, cell, spot, 0, delattr, cell, _CONTENTS)
            del kept
    except NameError as error:
        hide(error)
        raise


def update_cell(cell: CellType, value: Any, op: int, spot: int) -> None:
    try:
        actor, frame = acting(), get_frame(1)
        if actor is not None:
            told = is_next(actor, Kind.UPDATE)
            if in_one_step(_kept_cell(cell), value) if told is None else told:
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


_QUIETLY = (load_attr, store_attr, del_attr, load_item, store_item, del_item, update_item, method)
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
    named: dict[str, Any] = {function.__name__: _quietly(function) for function in _QUIETLY}
    named.update((function.__name__, function) for function in _AS_THEY_ARE)
    named.update({"attr": Attribute, "item": Item, "global": Global, "cell": Cell})
    if core is not None:
        core.set_hooks({**named, "born": born_anew}, _holder, number_of, key_of, site_of)
        named.update((name, getattr(core, name)) for name in named if hasattr(core, name))
    for name, function in named.items():
        setattr(builtins, hook(name), function)


def _holder(kind: type, name: str, stores: int) -> int:
    """For the core: 1 where the object has the attribute itself, 0 where it is no data, else 2."""
    holder = store_holder(kind, name) if stores else load_holder(kind, name)
    return {Holder.NOBODY: 0, Holder.ITSELF: 1}.get(holder, 2)
