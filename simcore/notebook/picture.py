"""Puts an SVG together: boxes, lines and words on a card of their own, light or dark as the reader's system is.

It must look right wherever a notebook is shown: as an image, inside a page, with its style taken away. So every colour stands as
an attribute, for a light card; a style sheet only turns them over where the reader prefers dark. There are no scripts, ids,
links or fonts to load, and texts are escaped, whatever a program calls its threads.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from simcore.notebook.colours import COLOURS
from simcore.report.shown import safe
from simcore.trace.text import clean

WIDTH: Final = 920
EDGE: Final = 16
"""What is left free at each side of the card."""

_FONTS: Final = "system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"
_MONO: Final = "ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace"
_NARROW: Final = frozenset("iljtfrI.,:;'|!()[]{}/ `-")
_WIDE: Final = frozenset("mwMW@%—")

Box = tuple[float, float, float, float]
"""Left, top, width, height."""


def number(value: float) -> str:
    """A length as short as it can be written, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def width_of(text: str, size: float = 12, *, bold: bool = False) -> float:
    """About how wide a text is in the usual fonts, rather more than less."""
    ems = 0.0
    for char in text:
        if unicodedata.east_asian_width(char) in "WF":
            ems += 1.02
        else:
            ems += 0.34 if char in _NARROW else 0.95 if char in _WIDE else 0.7 if char.isupper() else 0.585
    return ems * size * (1.14 if bold else 1)


def cut_to(text: str, width: float, size: float = 12) -> str:
    """The text, its end left out where it is wider than that."""
    if width_of(text, size) <= width:
        return text
    while text and width_of(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…" if text else ""


def lines_of(text: str, width: float, size: float = 12) -> list[str]:
    """The text in lines of at most that width, broken between words, and within one that is too long by itself."""
    lines, line = list[str](), ""
    for word in text.split():
        while width_of(word, size) > width:
            part = word
            while len(part) > 1 and width_of(part, size) > width:
                part = part[:-1]
            if line:
                lines.append(line)
                line = ""
            lines.append(part)
            word = word[len(part) :]
        longer = f"{line} {word}" if line else word
        if width_of(longer, size) <= width:
            line = longer
        else:
            lines.append(line)
            line = word
    return [*lines, line] if line else lines


class Picture:
    """Collects what is drawn, from back to front. Lengths are pixels, from the top left."""

    def __init__(self, width: float = WIDTH) -> None:
        self.width = width
        self._parts: list[str] = []
        self._used: dict[tuple[str, str], None] = {}

    def boxes(self, role: str, boxes: Iterable[Box], *, round_by: float = 0) -> None:
        """Filled boxes of one colour."""
        if round_by:
            for x, y, w, h in boxes:
                place = f'x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}" rx="{number(round_by)}"'
                self._parts.append(f"<rect {place} {self._paint(fill=role)}/>")
            return
        path = "".join(f"M{number(x)} {number(y)}h{number(w)}v{number(h)}h-{number(w)}z" for x, y, w, h in boxes)
        if path:
            self._parts.append(f'<path d="{path}" {self._paint(fill=role)}/>')

    def path(self, role: str, steps: str, *, wide: float = 1, dashed: str = "", filled: bool = False, faint: float = 1) -> None:
        """Lines of one colour, or with `filled` an area; `steps` as in SVG."""
        if not steps:
            return
        more = f' opacity="{faint}"' if faint != 1 else ""
        if filled:
            self._parts.append(f'<path d="{steps}" {self._paint(fill=role)}{more}/>')
            return
        more += f' stroke-width="{number(wide)}"' if wide != 1 else ""
        more += f' stroke-dasharray="{dashed}"' if dashed else ""
        self._parts.append(f'<path d="{steps}" fill="none" {self._paint(stroke=role)}{more}/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        role: str = "ink",
        *,
        size: float = 12,
        bold: bool = False,
        anchor: str = "",
        mono: bool = False,
    ) -> None:
        """A line of text, y is its foot; `anchor` is `middle` or `end` where x is not its beginning."""
        if not text:
            return
        more = f' font-size="{number(size)}"' if size != 12 else ""
        more += ' font-weight="600"' if bold else ""
        more += f' text-anchor="{anchor}"' if anchor else ""
        more += f' font-family="{_MONO}"' if mono else ""
        told = safe("".join(char for char in clean(text) if char not in "\ufffe\uffff"))
        self._parts.append(f'<text x="{number(x)}" y="{number(y)}" {self._paint(fill=role)}{more}>{told}</text>')

    def pill(self, x: float, y: float, text: str, role: str, *, size: float = 11.5) -> float:
        """A text in a rounded frame of its colour; y is the text's foot. Returns where it ends."""
        width = width_of(text, size, bold=True) + 18
        place = f'x="{number(x)}" y="{number(y - size - 3)}" width="{number(width)}" height="{number(size + 8)}"'
        self._parts.append(
            f'<rect {place} rx="{number(size / 2 + 4)}" fill="none" {self._paint(stroke=role)} stroke-width="1.2"/>'
        )
        self.text(x + width / 2, y, text, role, size=size, bold=True, anchor="middle")
        return x + width

    def _paint(self, fill: str = "", stroke: str = "") -> str:
        """The attributes that colour something; the classes are for the style sheet."""
        roles = [(what, role) for what, role in (("fill", fill), ("stroke", stroke)) if role]
        self._used |= dict.fromkeys(roles)
        classes = " ".join(f"simcore-{what[0]}-{role}" for what, role in roles)
        colours = " ".join(f'{what}="{COLOURS[role][0]}"' for what, role in roles)
        return f'class="{classes}" {colours}'

    def svg(self, height: float, title: str) -> str:
        """The whole picture; `title` is what it says to those who cannot see it."""
        size = f'width="{number(self.width)}" height="{number(height)}" viewBox="0 0 {number(self.width)} {number(height)}"'
        fonts = f'font-family="{_FONTS}" font-size="12"'
        place = f'x=".5" y=".5" width="{number(self.width - 1)}" height="{number(height - 1)}" rx="9"'
        card = f"<rect {place} {self._paint(fill='card', stroke='line')}/>"
        rules = "".join(f".simcore-{what[0]}-{role}{{{what}:{COLOURS[role][1]}}}" for what, role in self._used)
        told = safe(clean(title))
        begin = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{told}" {fonts}>'
        style = f"<title>{told}</title><style>@media (prefers-color-scheme:dark){{{rules}}}</style>"
        return "".join((begin, style, card, *self._parts, "</svg>"))
