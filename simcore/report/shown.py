"""What the views say, as HTML: the same words in the same columns, coloured by the page's style sheet."""

from __future__ import annotations

import io
from html import escape
from typing import Final

from rich.console import Console, RenderableType
from rich.style import Style

WIDTH: Final = 124
"""Characters of a line: what the page is wide enough for."""

_COLOURS: Final = {
    "red": "red",
    "bright_red": "red",
    "green": "green",
    "yellow": "yellow",
    "blue": "blue",
    "magenta": "magenta",
    "cyan": "cyan",
}


def html_of(*renderables: RenderableType, width: int = WIDTH) -> str:
    """A `pre` with what these print."""
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=True,
        force_jupyter=False,
        color_system="standard",
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    lines: list[str] = []
    for renderable in renderables:
        for line in console.render_lines(renderable, pad=False):
            lines.append("".join(_marked(segment.text, segment.style) for segment in line).rstrip())
    return f'<pre class="view">{chr(10).join(lines)}</pre>'


def safe(text: str) -> str:
    """The text as part of a page, attributes included; a lone surrogate, which no page can hold, is escaped as Python does."""
    return escape(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def _marked(text: str, style: Style | None) -> str:
    classes = []
    if style is not None:
        classes += ["bold"] if style.bold else []
        classes += ["dim"] if style.dim else []
        if style.color is not None and style.color.name in _COLOURS:
            classes.append(_COLOURS[style.color.name])
    told = safe(text)
    return f'<span class="{" ".join(classes)}">{told}</span>' if classes and text.strip() else told
