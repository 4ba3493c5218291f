"""Two runs as a picture: the answer in words, both timelines with the place where they part, and what else differs."""

from __future__ import annotations

from simcore.diffing import Diff
from simcore.notebook.key import draw_key
from simcore.notebook.picture import EDGE, Picture, lines_of, number, width_of
from simcore.notebook.timeline import Timeline
from simcore.trace.events import Verdict
from simcore.trace.text import clean
from simcore.views.diff import answer, rows_of

_COLOURS = {Verdict.SAME: "green", Verdict.DIFFERENT: "red", Verdict.INCONCLUSIVE: "yellow"}


def difference_svg(d: Diff) -> str:
    """The picture of a diff. Two runs that are the same are drawn once."""
    picture = Picture()
    headline, *said = (line.plain for line in answer(d))
    y = _headline(picture, EDGE + 13.0, headline, _COLOURS[d.verdict])
    for told in said:
        for line in lines_of(told.replace("`", ""), picture.width - 2 * EDGE, 12.5):
            picture.text(EDGE, y + 12, line, size=12.5)
            y += 17.5
    locks: dict[str, str] = {}
    keys = []
    sides = (("A", d.trace_a), ("B", d.trace_b)) if d.verdict is not Verdict.SAME else (("A", d.trace_a),)
    for letter, trace in sides:
        moment = None if d.split is None else d.split.a if letter == "A" else d.split.b
        one = Timeline(trace, letter=letter, split=moment.position if moment is not None else None, locks=locks)
        picture.path("line", f"M{EDGE} {number(y + 8)}H{number(picture.width - EDGE)}")
        y = one.draw(picture, y + 16)
        keys += one.key
    y = draw_key(picture, y + 6, list(dict.fromkeys(keys)))
    if d.verdict is not Verdict.SAME:
        y = _rows(picture, y + 2, d)
    return picture.svg(y + EDGE - 4, headline)


def _headline(picture: Picture, y: float, headline: str, colour: str) -> float:
    """The verdict in capitals stands out; what follows is plain."""
    verdict, _, rest = headline.partition("  ")
    picture.text(EDGE, y, verdict, colour, size=14.5, bold=True)
    after = EDGE + width_of(verdict, 14.5, bold=True) + 12
    for line in lines_of(rest, picture.width - EDGE - after) if rest else ():
        picture.text(after, y, line)
        y += 17
    return y + (8 if not rest else -9)


def _rows(picture: Picture, y: float, d: Diff) -> float:
    picture.path("line", f"M{EDGE} {number(y + 6)}H{number(picture.width - EDGE)}")
    y += 10
    for title, told in rows_of(d):
        for place, text in enumerate(told):
            if not place:
                picture.text(EDGE, y + 12, title, "soft", size=11.5)
            for line in lines_of(clean(text).replace("`", ""), picture.width - 2 * EDGE - 76, 11.5):
                picture.text(EDGE + 76, y + 12, line, size=11.5)
                y += 16
    return y
