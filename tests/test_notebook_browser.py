"""A picture in a browser: as an image and inside a page, in light and dark, with and without its style sheet."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from browser import browser
from extras import needed
from pictures import CONTENDED, small

from simcore.notebook.colours import COLOURS
from simcore.notebook.timeline import timeline_svg

SVG = timeline_svg(small(*CONTENDED))


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """One browser for all tests of this file."""
    with browser() as started:
        yield started


def colours(running: Any, body: str, scheme: str) -> set[str]:
    """The colours on a page with this body, as the reader of that scheme sees it."""
    image = needed("PIL.Image")
    context = running.new_context(viewport={"width": 960, "height": 400}, color_scheme=scheme, offline=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.set_content(f"<body style='margin:0'>{body}</body>")
    page.evaluate("Promise.all([...document.images].map(one => one.decode()))")
    shot = image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    assert errors == []
    return {"#{:02x}{:02x}{:02x}".format(*colour) for _, colour in shot.getcolors(1 << 20)}


def as_image(svg: str) -> str:
    return f'<img src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'


@pytest.mark.parametrize("put", [as_image, str], ids=["image", "inline"])
@pytest.mark.parametrize(("scheme", "place"), [("light", 0), ("dark", 1)])
def test_its_colours_are_those_of_the_readers_scheme(running: Any, put: Any, scheme: str, place: int) -> None:
    """The card and what is on it, and nothing of the other scheme."""
    found = colours(running, put(SVG), scheme)
    for role in ("card", "waits", "lock0", "runs"):
        assert COLOURS[role][place] in found, role
    assert COLOURS["waits"][1 - place] not in found


def test_without_its_style_sheet_it_is_a_light_card(running: Any) -> None:
    """As where a site puts it into its page and lets no style sheet through, but as text."""
    bare = re.sub("<(/?)style>", "&lt;\\1style&gt;", SVG)
    assert "<style" not in bare
    found = colours(running, bare, "dark")
    assert {COLOURS[role][0] for role in ("card", "waits", "lock0")} <= found
    assert COLOURS["waits"][1] not in found
