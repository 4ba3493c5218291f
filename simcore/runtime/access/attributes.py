"""Hooks of attributes: of objects, classes and modules; by names in the source, and by names that are computed."""

from contextlib import nullcontext
from functools import cached_property
from operator import setitem
from types import MemberDescriptorType
from typing import Any, Final

from simcore.runtime.access import objects
from simcore.runtime.access.accesses import (
    NOT_YET,
    by_class,
    fields,
    is_next,
    named,
    now,
    pack_head,
    pack_record,
    plainly,
    site_of,
    updatable,
    updated,
)
from simcore.runtime.access.kinds import (
    Holder,
    forget_types,
    in_one_step,
    its_own,
    load_holder,
    of_class,
    own_dict,
    static_of,
    store_holder,
)
from simcore.runtime.access.objects import by_address
from simcore.runtime.access.spots import UPDATES
from simcore.runtime.actors import Actor, acting, tls
from simcore.runtime.core import core
from simcore.runtime.frames import hide
from simcore.trace.events import Kind


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
    names, kind = own_dict(thing), type(thing)
    found, static = static_of(kind, name)
    if type(static) is MemberDescriptorType:
        try:
            return plainly(actor, Kind.LOAD, thing, spot, 0, object.__getattribute__, thing, name)
        except AttributeError:
            pass
        return kind.__getattr__(thing, name)
    if type(names) is not dict:
        return getattr(thing, name)
    value = plainly(actor, Kind.LOAD, thing, spot, 0, names.get, name, _MISSING)
    if value is not _MISSING:
        return value
    if type(static) is cached_property:
        return _made_once(actor, thing, name, names, static, spot)
    if not found:
        return kind.__getattr__(thing, name)
    try:
        return type(static).__get__(static, thing, kind)
    except AttributeError:
        if not static_of(kind, "__getattr__")[0]:
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
    updatable[:] = [NOT_YET] * len(updatable)


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
        known = by_address.get(id(thing))
        kind, of, head = updatable[spot]
        if kind is type(thing) and known is not None and known[0] is kind and type(value) is int:
            # With integers, while recording in pure Python: all in one function, for this is what programs count with.
            lock: Any = objects.lock
            try:
                if of is not known:
                    head = pack_head(0, known[1], site_of(spot), 0, Kind.UPDATE, 0)
                    updatable[spot] = kind, known, head
                actor = tls.actor
                if not actor.raw and actor.following is None and actor.rest is None:
                    reserve, buffer = actor.chunk
                    name = fields[spot]
                    lock.acquire()  # half of the time that a `with` takes
                    before = getattr(thing, name)
                    if type(before) is int:
                        pack_record(buffer, reserve(), head, now())
                        setattr(thing, name, UPDATES[op](before, value) if op else before + value)
                        lock.release()
                        return
                    lock.release()
            except BaseException as error:
                if lock._is_owned():
                    lock.release()
                if not isinstance(error, (AttributeError, StopIteration)):
                    raise
                # There is no actor, no attribute, or no slot: below is what is done then.
        _update_attr(thing, value, op, spot)
    except BaseException as error:
        hide(error)
        raise


def _update_attr(thing: Any, value: Any, op: int, spot: int) -> None:
    actor, name = acting(), fields[spot]
    holder = load_holder(type(thing), name)
    if actor is not None and holder in _OBJECTS and store_holder(type(thing), name) is Holder.ITSELF:
        if holder is Holder.ITSELF and core is None:
            updatable[spot] = type(thing), None, b""
        told = is_next(actor, Kind.UPDATE)
        if told is None:
            told = (holder is Holder.ITSELF or its_own(thing, name)) and in_one_step(getattr(thing, name, thing), value)
        if told:
            plainly(actor, Kind.UPDATE, thing, spot, 0, updated, getattr, setattr, (thing, name), op, value)
            return
    store_attr(UPDATES[op](load_attr(thing, spot), value), thing, spot)


_OBJECTS: Final = (Holder.ITSELF, Holder.EITHER)


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
