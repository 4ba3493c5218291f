"""Hooks that do what Python does, and no more. Those that record must have the same results, errors and order."""

from collections.abc import Callable, Sequence
from sys import _getframe as get_frame
from types import CellType, FrameType
from typing import Any

from simcore.runtime.access.quietly import quietly
from simcore.runtime.access.spots import UPDATES, Spot, hook
from simcore.runtime.frames import hide


def load_global(frame: FrameType, name: str) -> Any:
    """A module's variable or a builtin, as this frame sees it. Raises: NameError."""
    try:
        return frame.f_globals[name]
    except KeyError:
        pass
    try:
        return frame.f_builtins[name]
    except KeyError:
        raise undefined(name) from None


def undefined(name: str) -> NameError:
    """The error of a global that there is not."""
    return NameError(f"name {name!r} is not defined", name=name)


def unbound(frame: FrameType, name: str) -> NameError:
    """The error of an empty cell, which is the frame's own or one that it closes over."""
    if name in frame.f_code.co_freevars:
        return NameError(
            f"cannot access free variable {name!r} where it is not associated with a value in enclosing scope", name=name
        )
    return UnboundLocalError(f"cannot access local variable {name!r} where it is not associated with a value")


def load_cell(cell: CellType, frame: FrameType, name: str) -> Any:
    """What a closure variable holds. Raises: NameError, UnboundLocalError."""
    try:
        return cell.cell_contents
    except ValueError:
        raise unbound(frame, name) from None


class Slot:
    """A place as an object: its attribute `v` is read, assigned and deleted. A base class."""

    __slots__ = ("what",)

    def __init__(self, what: Any) -> None:
        self.what = what


def hooks(spots: Sequence[Spot]) -> dict[str, Callable[..., Any]]:
    """All hooks by their names in `builtins`, for these spots."""

    class Attribute(Slot):
        __slots__ = ("field",)

        def __init__(self, what: Any, spot: int) -> None:
            self.what, self.field = what, spots[spot].field

        v = property(
            quietly(lambda self: getattr(self.what, self.field)),
            quietly(lambda self, value: setattr(self.what, self.field, value)),
            quietly(lambda self: delattr(self.what, self.field)),
        )

    class Item(Slot):
        __slots__ = ("key",)

        def __init__(self, what: Any, key: Any, spot: int) -> None:
            self.what, self.key = what, key

        @quietly
        def _set(self, value: Any) -> None:
            self.what[self.key] = value

        @quietly
        def _del(self) -> None:
            del self.what[self.key]

        v = property(quietly(lambda self: self.what[self.key]), _set, _del)

    class Global(Slot):
        __slots__ = ("frame",)

        def __init__(self, spot: int) -> None:
            self.what, self.frame = spots[spot].field, get_frame(1)

        def _set(self, value: Any) -> None:
            self.frame.f_globals[self.what] = value

        v = property(quietly(lambda self: load_global(self.frame, self.what)), _set)

    class Cell(Slot):
        __slots__ = ("frame", "name")

        def __init__(self, what: CellType, spot: int) -> None:
            self.what, self.name, self.frame = what, spots[spot].field, get_frame(1)

        def _set(self, value: Any) -> None:
            self.what.cell_contents = value

        v = property(quietly(lambda self: load_cell(self.what, self.frame, self.name)), _set)

    def update_attr(thing: Any, value: Any, op: int, spot: int) -> None:
        field = spots[spot].field
        setattr(thing, field, UPDATES[op](getattr(thing, field), value))

    def store_item(value: Any, thing: Any, key: Any, spot: int) -> None:
        thing[key] = value

    def del_item(thing: Any, key: Any, spot: int) -> None:
        del thing[key]

    def update_item(thing: Any, key: Any, value: Any, op: int, spot: int) -> None:
        thing[key] = UPDATES[op](thing[key], value)

    def load_global_(spot: int) -> Any:
        try:
            return load_global(get_frame(1), spots[spot].field)
        except NameError as error:
            hide(error)
            raise

    def store_global(value: Any, spot: int) -> Any:
        get_frame(1).f_globals[spots[spot].field] = value
        return value

    def del_global(spot: int) -> None:
        try:
            values, name = get_frame(1).f_globals, spots[spot].field
            if name not in values:
                raise undefined(name)
            del values[name]
        except NameError as error:
            hide(error)
            raise

    def update_global(value: Any, op: int, spot: int) -> None:
        try:
            frame, name = get_frame(1), spots[spot].field
            frame.f_globals[name] = UPDATES[op](load_global(frame, name), value)
        except BaseException as error:
            hide(error)
            raise

    def load_cell_(cell: CellType, spot: int) -> Any:
        try:
            return load_cell(cell, get_frame(1), spots[spot].field)
        except NameError as error:
            hide(error)
            raise

    def store_cell(value: Any, cell: CellType, spot: int) -> Any:
        cell.cell_contents = value
        return value

    def del_cell(cell: CellType, spot: int) -> None:
        try:
            load_cell(cell, get_frame(1), spots[spot].field)
            del cell.cell_contents
        except NameError as error:
            hide(error)
            raise

    def update_cell(cell: CellType, value: Any, op: int, spot: int) -> None:
        try:
            cell.cell_contents = UPDATES[op](load_cell(cell, get_frame(1), spots[spot].field), value)
        except BaseException as error:
            hide(error)
            raise

    load_attr = quietly(lambda thing, spot: getattr(thing, spots[spot].field))
    made = {
        "load_attr": load_attr,
        "store_attr": quietly(lambda value, thing, spot: setattr(thing, spots[spot].field, value)),
        "del_attr": quietly(lambda thing, spot: delattr(thing, spots[spot].field)),
        "update_attr": quietly(update_attr),
        "attr": Attribute,
        "load_item": quietly(lambda thing, key, spot: thing[key]),
        "store_item": quietly(store_item),
        "del_item": quietly(del_item),
        "update_item": quietly(update_item),
        "item": Item,
        "load_global": load_global_,
        "store_global": store_global,
        "del_global": del_global,
        "update_global": update_global,
        "global": Global,
        "load_cell": load_cell_,
        "store_cell": store_cell,
        "del_cell": del_cell,
        "update_cell": update_cell,
        "cell": Cell,
        "method": load_attr,
        "whole": lambda value, spot: value,
        "born": lambda value: value,
        "length": quietly(lambda value, spot: len(value)),
        "is_true": lambda value, spot: value,
        "contains": quietly(lambda item, thing, spot: item in thing),
        "get_named": quietly(lambda *arguments: getattr(*arguments[:-1])),
        "has_named": quietly(lambda thing, name, spot: hasattr(thing, name)),
        "set_named": quietly(lambda thing, name, value, spot: setattr(thing, name, value)),
        "del_named": quietly(lambda thing, name, spot: delattr(thing, name)),
    }
    return {hook(name): function for name, function in made.items()}
