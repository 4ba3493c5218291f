"""What is plain data: reading or writing it runs no code of the program's, so that record and access can be one step.

Properties, `__getattr__`, `__getitem__` of the program's own classes and whatever else may be anything are calls, and no
accesses: what they access in turn is recorded there.
"""

from collections import Counter, OrderedDict, defaultdict, deque
from enum import IntEnum
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, ModuleType, SimpleNamespace
from typing import Any, Final


class Holder(IntEnum):
    """Who has an attribute."""

    NOBODY = 0  # it is a call, or a method
    ITSELF = 1  # the object has it, or nobody
    EITHER = 2  # the object, or else its class
    MAYBE = 3  # the object, or else it is a call
    CLASS = 4  # the object is a class: it or one of its bases
    MODULE = 5


_loads: dict[tuple[int, str], Holder] = {}
_stores: dict[tuple[int, str], Holder] = {}
_asked: dict[int, type] = {}
"""Types by their addresses, here and below: a metaclass may have a hash of its own, or none. They live on."""

_METHODS: Final = (FunctionType, classmethod, staticmethod, BuiltinFunctionType, type(list.append), type(object.__init__))


_GENERIC: Final = (
    *(object, SimpleNamespace, BaseException, list, dict, set, deque, OrderedDict, defaultdict, bytearray),
    *(tuple, frozenset, str, bytes, int, float, complex),
)
"""Types in C that look attributes up as object does, by `PyObject_GenericGetAttr` and `PyObject_GenericSetAttr`, though
the methods of some are others."""


def _generic(name: str) -> frozenset[Any]:
    return frozenset(getattr(kind, name) for kind in _GENERIC)


_GETTERS, _SETTERS, _DELETERS = map(_generic, ("__getattribute__", "__setattr__", "__delattr__"))


def load_holder(kind: type, name: str) -> Holder:
    """Who has the attribute of this name of an object of this type, when it is read."""
    known = _loads.get((id(kind), name))
    if known is None:
        _asked[id(kind)] = kind
        known = _loads[id(kind), name] = _load_holder(kind, name)
    return known


def store_holder(kind: type, name: str) -> Holder:
    """The same when it is written or deleted."""
    known = _stores.get((id(kind), name))
    if known is None:
        _asked[id(kind)] = kind
        known = _stores[id(kind), name] = _store_holder(kind, name)
    return known


def forget_types() -> None:
    """A class has changed."""
    _loads.clear()
    _stores.clear()


def static_of(kind: type, name: str) -> tuple[bool, Any]:
    """Whether a class or one of its bases has this name, and what it has."""
    for base in _bases(kind):
        names = _names(base)
        if name in names:
            return True, names[name]
    return False, None


_bases: Final = type.__dict__["__mro__"].__get__
_names: Final = type.__dict__["__dict__"].__get__
"""Of a type, whatever its metaclass makes of these names."""


def _is_among(slot: Any, slots: frozenset[Any]) -> bool:
    return type(slot) is type(object.__setattr__) and slot in slots  # what the program put there may have no hash


def _has(kind: type, name: str) -> bool:
    return static_of(kind, name)[0]


def own_dict(thing: Any) -> Any:
    """The attributes that an object has itself, or None; its `__getattr__` is not asked."""
    try:
        return object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return None


def _load_holder(kind: type, name: str) -> Holder:
    getter = static_of(kind, "__getattribute__")[1]
    if issubclass(kind, type):
        return Holder.CLASS if getter is type.__getattribute__ and not static_of(kind, name)[0] else Holder.NOBODY
    if issubclass(kind, ModuleType):
        return Holder.MODULE if getter is ModuleType.__getattribute__ and not static_of(kind, name)[0] else Holder.NOBODY
    if not _is_among(getter, _GETTERS):
        return Holder.NOBODY
    found, static = static_of(kind, name)
    if not found or isinstance(static, MemberDescriptorType):
        return Holder.MAYBE if _has(kind, "__getattr__") else Holder.ITSELF
    its_type = type(static)
    if _has(its_type, "__set__") or _has(its_type, "__delete__") or isinstance(static, _METHODS):
        return Holder.NOBODY
    return Holder.MAYBE if _has(its_type, "__get__") else Holder.EITHER


def _store_holder(kind: type, name: str) -> Holder:
    setter = static_of(kind, "__setattr__")[1]
    if issubclass(kind, type):
        return Holder.CLASS if setter is type.__setattr__ and not static_of(kind, name)[0] else Holder.NOBODY
    if issubclass(kind, ModuleType):
        return Holder.MODULE if setter is ModuleType.__setattr__ else Holder.NOBODY
    if not _is_among(setter, _SETTERS) or not _is_among(static_of(kind, "__delattr__")[1], _DELETERS):
        return Holder.NOBODY
    static = static_of(kind, name)[1]
    if isinstance(static, MemberDescriptorType):
        return Holder.ITSELF
    return Holder.NOBODY if _has(type(static), "__set__") or _has(type(static), "__delete__") else Holder.ITSELF


def its_own(thing: Any, name: str) -> bool:
    """Whether an object has the attribute itself, and not its class."""
    return name in (own_dict(thing) or ())


def of_class(cls: type, name: str) -> type | None:
    """The class among this one and its bases that has plain data of this name."""
    for base in _bases(cls):
        names = _names(base)
        if name in names:
            return None if _has(type(names[name]), "__get__") else base
    return cls


# Containers ---------------------------------------------------------------------------------------------------------------------

CONTAINERS: Final = (list, dict, set, deque, bytearray, OrderedDict)


def _theirs(name: str) -> frozenset[Any]:
    return frozenset(getattr(kind, name) for kind in CONTAINERS if hasattr(kind, name))


_GETS, _SETS, _DELS, _ITERS = map(_theirs, ("__getitem__", "__setitem__", "__delitem__", "__iter__"))


def _may_make(kind: type) -> bool:
    """Whether to read an item that is missing may do more than say so: a Counter's is 0, and stays missing."""
    return hasattr(kind, "__missing__") and kind.__missing__ is not Counter.__missing__


_FACTORIES: Final = (int, float, str, list, dict, set)


def makes_plainly(thing: Any) -> bool:
    """Whether a missing item is made without any code of the program's."""
    return type(thing) is defaultdict and thing.default_factory in _FACTORIES


_items: dict[int, tuple[bool, bool, bool, bool, bool]] = {}


def items_of(kind: type) -> tuple[bool, bool, bool, bool, bool]:
    """Whether items of this type's objects are plain data read, written, deleted, iterated; and whether one may be missing."""
    known = _items.get(id(kind))
    if known is None:
        if issubclass(kind, CONTAINERS):
            has = [getattr(kind, name, None) for name in ("__getitem__", "__setitem__", "__delitem__", "__iter__")]
            known = (has[0] in _GETS, has[1] in _SETS, has[2] in _DELS, has[3] in _ITERS, _may_make(kind))
        else:
            known = (False, False, False, False, False)
        _asked[id(kind)] = kind
        _items[id(kind)] = known
    return known


def _ids(*kinds: type) -> frozenset[int]:
    return frozenset(map(id, kinds))


_LENGTHS: Final = _theirs("__len__")
_FINDS: Final = _ids(dict, OrderedDict, set)
ATOMS: Final = _ids(int, str, bytes, float, bool, complex, type(None))
"""The addresses of types whose objects have nothing in them; to hash or to compare them runs no code of the program's."""

_own_length: dict[int, bool] = {}


def has_own_length(kind: type) -> bool:
    """Whether to ask objects of this type how long they are, or whether they are true, runs no code of the program's."""
    known = _own_length.get(id(kind))
    if known is None:
        known = items_of(kind)[3] and getattr(kind, "__len__", None) in _LENGTHS and not hasattr(kind, "__bool__")
        _own_length[id(kind)] = known  # `items_of` keeps the type alive
    return known


def finds_plainly(thing: Any) -> bool:
    """Whether looking in a container for a plain value runs no code of the program's."""
    kind = type(thing)
    if id(kind) in _FINDS:
        return True
    return (kind is list or kind is deque) and ATOMS.issuperset(map(id, map(type, tuple(thing))))


class Method(IntEnum):
    """What a method of a container does. Those that are not plain may run code of the program's: `__eq__`, a key, an iterator."""

    READS = 0
    READS_KEY = 1
    CHANGES = 2
    CHANGES_KEY = 3
    CHANGES_BY = 4  # by the items of its argument
    CLEARS = 5
    READS_ANY = 6  # not plain, as the next
    CHANGES_ANY = 7


METHODS: Final = {
    **dict.fromkeys(("copy", "keys", "values", "items", "__len__", "__iter__"), Method.READS),
    **dict.fromkeys(("get", "__getitem__"), Method.READS_KEY),
    **dict.fromkeys(("append", "appendleft", "pop", "popleft", "popitem", "insert", "reverse", "rotate"), Method.CHANGES),
    **dict.fromkeys(("setdefault", "add", "discard", "__setitem__", "__delitem__"), Method.CHANGES_KEY),
    **dict.fromkeys(("extend", "extendleft", "update"), Method.CHANGES_BY),
    "clear": Method.CLEARS,
    **dict.fromkeys(("remove", "sort"), Method.CHANGES_ANY),
    **dict.fromkeys(("difference_update", "intersection_update", "symmetric_difference_update"), Method.CHANGES_ANY),
}
"""By name; all others read, and are not plain."""

_EASY: Final = _ids(list, tuple, dict, set, frozenset, deque, str, bytes, bytearray, range)
_SIMPLE: Final = ATOMS | _ids(tuple)


def is_easy(iterable: Any) -> bool:
    """Whether going over it runs no code of the program's."""
    return id(type(iterable)) in _EASY


def in_one_step(value: Any, other: Any) -> bool:
    """Whether `value op= other` runs no code of the program's, so that no other thread comes between its read and its write.

    `%` asks what stands in a tuple or list for its text.
    """
    kind, others = type(value), type(other)
    if others is tuple or others is list:
        if kind is str or kind is bytes:
            return False
        return kind is list or id(kind) in _SIMPLE
    return id(kind) in _SIMPLE and id(others) in _SIMPLE
