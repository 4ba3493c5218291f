"""The hooks that rewritten code calls: each does what Python does, and records it where it is an access (see `spots`).

Here are those that stand where Python wants a target, and what puts all of them in their place.
"""

import builtins
from sys import _getframe as get_frame
from types import CellType
from typing import Any

from simcore.runtime.access.accesses import (
    site_of,
)
from simcore.runtime.access.attributes import (
    del_attr,
    del_named,
    get_named,
    has_named,
    load_attr,
    set_named,
    store_attr,
    update_attr,
)
from simcore.runtime.access.containers import (
    contains,
    del_item,
    is_true,
    length,
    load_item,
    method,
    store_item,
    update_item,
    whole,
)
from simcore.runtime.access.kinds import (
    Holder,
    load_holder,
    store_holder,
)
from simcore.runtime.access.objects import born, born_anew, key_of, number_of
from simcore.runtime.access.plainly import Slot
from simcore.runtime.access.quietly import quietly as _quietly
from simcore.runtime.access.spots import hook
from simcore.runtime.access.variables import (
    del_cell,
    del_global,
    load_cell,
    load_cell_of,
    load_global,
    load_global_of,
    store_cell,
    store_global,
    store_global_of,
    update_cell,
    update_global,
)
from simcore.runtime.core import core


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
        _quietly(lambda self: load_global_of(self.frame, self.what)),
        lambda self, value: store_global_of(self.frame.f_globals, value, self.what),
    )


class Cell(Slot):
    __slots__ = ("frame", "spot")

    def __init__(self, what: CellType, spot: int) -> None:
        self.what, self.spot, self.frame = what, spot, get_frame(1)

    v = property(
        _quietly(lambda self: load_cell_of(self.what, self.frame, self.spot)),
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
