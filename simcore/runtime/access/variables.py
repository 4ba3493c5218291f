"""Hooks of variables that functions share: globals and what they close over."""

from operator import delitem, getitem, setitem
from sys import _getframe as get_frame
from types import CellType, FrameType
from typing import Any, Final

from simcore.runtime.access import plainly as plain
from simcore.runtime.access.accesses import (
    fields,
    is_next,
    kept_attr,
    plainly,
    updated,
)
from simcore.runtime.access.kinds import (
    in_one_step,
)
from simcore.runtime.access.spots import UPDATES
from simcore.runtime.actors import acting
from simcore.runtime.frames import hide
from simcore.trace.events import Kind

_CONTENTS: Final = "cell_contents"
_MISSING: Final = object()


def load_global_of(frame: FrameType, spot: int) -> Any:
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


def store_global_of(values: dict[str, Any], value: Any, spot: int) -> Any:
    actor, name = acting(), fields[spot]
    if actor is None:
        values[name] = value
    else:
        plainly(actor, Kind.ASSIGN, values, spot, 0, setitem, values, name, value)
    return value


def load_global(spot: int) -> Any:
    try:
        return load_global_of(get_frame(1), spot)
    except NameError as error:
        hide(error)
        raise


def store_global(value: Any, spot: int) -> Any:
    return store_global_of(get_frame(1).f_globals, value, spot)


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
        store_global_of(values, UPDATES[op](load_global_of(frame, spot), value), spot)
    except BaseException as error:
        hide(error)
        raise


def load_cell_of(cell: CellType, frame: FrameType, spot: int) -> Any:
    actor = acting()
    if actor is None:
        return plain.load_cell(cell, frame, fields[spot])
    try:
        return plainly(actor, Kind.LOAD, cell, spot, 0, getattr, cell, _CONTENTS)
    except ValueError:
        raise plain.unbound(frame, fields[spot]) from None


def load_cell(cell: CellType, spot: int) -> Any:
    try:
        return load_cell_of(cell, get_frame(1), spot)
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
        store_cell(UPDATES[op](load_cell_of(cell, frame, spot), value), cell, spot)
    except BaseException as error:
        hide(error)
        raise
