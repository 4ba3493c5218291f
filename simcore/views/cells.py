"""Which character stands in which lane and column of a timeline: figures, nothing is drawn here.

A capital letter means that the actor holds that lock, a small one that it waits for it. Two characters in turn mean both: it
waits for one and holds the other, or it did the one and the other within a column.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from simcore.analysis.states import Mode, State
from simcore.analysis.stretches import Stretches
from simcore.trace.words import RUNNERS
from simcore.views.scale import Scale
from simcore.views.window import Window

ACTOR_MARKS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

_ALSO: Final = 6
"""What takes up a sixth of a column is shown beside what takes up most of it."""


class Marks(NamedTuple):
    """The characters that are no letters."""

    runs: str = "─"
    sleeps: str = "·"
    joins: str = ">"
    other: str = "*"
    free: str = "·"
    fold: str = "≈"
    tick: str = "│"


PLAIN: Final = Marks("-", ".", ">", "*", ".", "~", "|")
"""For terminals that have nothing but ASCII."""


@dataclass(slots=True)
class Lane:
    """What an actor was at, as characters: from `since_ns[i]` on `what[i]`, empty where it was not alive; up to `until_ns`."""

    actor: int
    since_ns: list[int]
    what: list[str]
    until_ns: int


def lanes(stretches: Stretches, window: Window, chosen: dict[int, str], marks: Marks) -> list[Lane]:
    """The lanes of all actors of the window that were alive then; `chosen` has the letters of objects."""
    symbols = [_symbol(state, stretches, chosen, marks) for state in stretches.states]
    found = (_lane(stretches, actor, window, symbols) for actor in window.actors)
    return [one for one in found if one.since_ns]


def _lane(stretches: Stretches, actor: int, window: Window, symbols: list[str]) -> Lane:
    starts, codes = stretches.starts[actor], stretches.codes[actor]
    until = min(stretches.ends[actor], window.last_ns)
    first = max(bisect_right(starts, window.first_ns) - 1, 0)
    last = bisect_right(starts, until)
    result = Lane(actor, [], [], until)
    before = ""
    if window.first_ns <= until:
        for since, code in zip(starts[first:last], codes[first:last], strict=True):
            symbol = symbols[code]
            if symbol != before:
                result.since_ns.append(max(since, window.first_ns))
                result.what.append(symbol)
                before = symbol
    return result


def _symbol(state: State, stretches: Stretches, chosen: dict[int, str], marks: Marks) -> str:
    held = "".join(chosen[thing] for thing in state.held if thing in chosen)
    if len(held) > 1:
        # The lock that was waited for longest has its letter first.
        held = "".join(letter for letter in chosen.values() if letter in held)[:2]
    if state.mode is Mode.WAITS:
        if stretches.trace.objects[state.object].kind in RUNNERS:
            return marks.joins + held[:1]
        return chosen.get(state.object, marks.other).lower() + held[:1]
    if state.mode is Mode.SLEEPS:
        return held[:1] + marks.sleeps
    return held or marks.runs


def changes(lanes: Iterable[Lane]) -> list[int]:
    """The times at which any of these lanes changes, in order."""
    found: list[int] = []
    for one in lanes:
        if one.since_ns:
            found += one.since_ns
            found.append(one.until_ns)
    found.sort()
    return found


def painted(one: Lane, scale: Scale, marks: Marks) -> str:
    """The lane as a string, a character per column."""
    cells = _shares(one, scale)
    return _in_turn([_symbols_of(cell, marks) if cell else " " for cell in cells], scale, marks)


def _in_turn(symbols: Iterable[str], scale: Scale, marks: Marks) -> str:
    """A character for each of these columns; in a run of two-character symbols now the one, now the other."""
    text: list[str] = []
    before, run = "", 0
    for number, symbol in enumerate(symbols):
        if symbol != before:
            before, run = symbol, 0
        if number in scale.folds and symbol != " ":
            text.append(marks.fold)
        else:
            text.append(symbol[run % len(symbol)])
            run += 1
    return "".join(text)


def _shares(one: Lane, scale: Scale) -> list[dict[str, int]]:
    """Per column how long the actor was at what."""
    edges, column = scale.edges, 0
    cells: list[dict[str, int]] = [{} for _ in range(len(scale))]
    most = len(cells) - 1
    for number, (since, what) in enumerate(zip(one.since_ns, one.what, strict=True)):
        until = one.since_ns[number + 1] if number + 1 < len(one.since_ns) else one.until_ns
        while column < most and edges[column + 1] <= since:
            column += 1
        while True:
            end, cell = edges[column + 1], cells[column]
            start = edges[column] if edges[column] > since else since
            cell[what] = cell.get(what, 0) + (until if until < end else end) - start
            if until <= end or column == most:
                break
            column += 1
    return cells


def _symbols_of(cell: dict[str, int], marks: Marks) -> str:
    """What stands in a column, one character or two in turn. A lock that was held for a moment only is shown, too."""
    if len(cell) == 1:
        return next(iter(cell))
    main = max(cell, key=cell.__getitem__)
    if len(main) > 1:
        return main
    plain = main in (marks.runs, marks.sleeps)
    others = sorted((one for one in cell if one != main), key=lambda one: -cell[one])
    if plain:
        held = next((one for one in others if one[0].isupper()), "")
        if held:
            return held[0] + main
    second = others[0]
    return main + second[0] if cell[second] * _ALSO >= sum(cell.values()) and second[0] != main else main


def counts(times_ns: Iterable[int], scale: Scale) -> str:
    """How many of these times fall into each column: blank, a digit, or `+` for more than nine."""
    numbers = [0] * len(scale)
    for at_ns in times_ns:
        numbers[scale.column(at_ns)] += 1
    return "".join(" " if not number else str(number) if number < 10 else "+" for number in numbers)


def held_by(stretches: Stretches, thing: int, window: Window, marks: dict[int, str]) -> Lane:
    """The lane of one lock: the marks of those that hold it, empty where nobody does."""
    result = Lane(thing, [], [], window.last_ns)
    holds = stretches.holds.get(thing)
    if holds is None:
        return result
    free_from = window.first_ns
    for number in holds.within(window.first_ns, window.last_ns):
        since = max(holds.since_ns[number], window.first_ns)
        until = min(holds.until_ns[number], window.last_ns)
        if since > free_from or not result.what:
            _append(result, free_from, "")
        _append(result, since, marks.get(holds.actor[number], ""))
        free_from = until
    if free_from < window.last_ns or not result.what:
        _append(result, free_from, "")
    return result


def _append(to: Lane, since_ns: int, what: str) -> None:
    if to.since_ns and to.since_ns[-1] == since_ns and not to.what[-1]:
        to.what[-1] = what
    else:
        to.since_ns.append(since_ns)
        to.what.append(what)


def painted_lock(one: Lane, scale: Scale, marks: Marks) -> str:
    """The lane of a lock as a string. Two marks in turn: two had it in that column, or one had it and for a part nobody."""
    symbols: list[str] = []
    for cell in _shares(one, scale):
        whole = sum(cell.values())
        owners = sorted((who for who in cell if who), key=lambda who: -cell[who])
        symbol = marks.free
        if owners:
            symbol = owners[0]
            if len(owners) > 1 and cell[owners[1]] * _ALSO >= cell[owners[0]]:
                symbol += owners[1]
            elif cell.get("", 0) * 2 > whole:
                symbol += marks.free
        symbols.append(symbol)
    return _in_turn(symbols, scale, marks)


def waiting(stretches: Stretches, thing: int, window: Window, scale: Scale) -> str:
    """How many waited for the object at once in each column, at most; blank for nobody, `+` for more than nine."""
    turns: list[tuple[int, int]] = []
    for wait in stretches.waits:
        if wait.object == thing and wait.since_ns < window.last_ns and wait.until_ns > window.first_ns:
            turns += ((max(wait.since_ns, window.first_ns), 1), (wait.until_ns, -1))
    turns.sort()
    most = [0] * len(scale)
    number, column = 0, 0
    for at_ns, step in turns:
        reached = scale.column(at_ns)
        while column < reached:
            column += 1
            most[column] = max(most[column], number)
        number += step
        most[column] = max(most[column], number)
    return "".join(" " if not one else str(one) if one < 10 else "+" for one in most)
