"""The key below a timeline: what the colours mean, in as many lines as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from simcore.notebook.picture import EDGE, Picture, cut_to, lines_of, number, width_of

_SIZE: Final = 11
_LINE_PX: Final = 18


class Entry(NamedTuple):
    """A colour, what it means, and its `form`: `bar`, `thin`, `dots`, `low`, `stroke`, `arrow`, `wave`, or `none`."""

    role: str
    text: str
    form: str


def draw_notes(picture: Picture, top: float, notes: Sequence[str]) -> float:
    """Draw what is left out, on as many lines as it takes; returns where they end."""
    for line in (line for told in notes for line in lines_of(told, picture.width - 2 * EDGE, _SIZE)):
        picture.text(EDGE, top + 12, line, "yellow", size=_SIZE)
        top += _LINE_PX - 2
    return top


def draw_key(picture: Picture, top: float, entries: Sequence[Entry]) -> float:
    """Draw the entries side by side; returns where they end."""
    x, y = float(EDGE), top
    most = picture.width - 2 * EDGE
    for entry in entries:
        text = cut_to(entry.text, most - 26, _SIZE)
        wide = (0 if entry.form == "none" else 22) + width_of(text, _SIZE)
        if x > EDGE and x + wide > picture.width - EDGE:
            x, y = float(EDGE), y + _LINE_PX
        _swatch(picture, x, y + 8, entry)
        picture.text(x + (0 if entry.form == "none" else 22), y + 12, text, "soft", size=_SIZE)
        x += wide + 16
    return y + (_LINE_PX if entries else 0)


def _swatch(picture: Picture, x: float, y: float, entry: Entry) -> None:
    match entry.form:
        case "bar":
            picture.boxes(entry.role, [(x, y - 5, 16, 10)])
        case "thin":
            picture.boxes(entry.role, [(x, y - 2, 16, 4)])
        case "dots":
            picture.path(entry.role, f"M{number(x)} {number(y)}h16", wide=1.6, dashed="1.6 3", faint=0.8)
        case "low":
            picture.boxes(entry.role, [(x, y - 4, 16, 8)])
        case "stroke":
            picture.path(entry.role, f"M{number(x + 8)} {number(y - 4.5)}v9")
        case "arrow":
            picture.path(entry.role, f"M{number(x)} {number(y)}h12", wide=1.3)
            picture.path(entry.role, f"M{number(x + 17)} {number(y)}l-5.5 -3v6z", filled=True)
        case "wave":
            picture.path(entry.role, f"M{number(x + 8)} {number(y - 6)}q3 3 0 6q-3 3 0 6")
