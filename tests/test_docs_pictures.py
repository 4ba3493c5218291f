"""The pictures of the docs: drawn from what a terminal was left with, readable without a font of their own, all on one page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
KEPT = sorted((DOCS / "pictures").iterdir())


@pytest.fixture(autouse=True)
def building(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts of the docs can be imported."""
    monkeypatch.syspath_prepend(str(DOCS / "building"))


def rows(svg: str) -> list[str]:
    """The lines of a picture, as far as they are text, without their leading spaces."""
    found: dict[float, str] = {}
    for one in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        found[float(one.get("y", "0"))] = found.get(float(one.get("y", "0")), "") + (one.text or "").replace("\xa0", " ")
    return [found[y] for y in sorted(found)]


def test_all_views_are_on_one_page() -> None:
    """The gallery shows what is kept, and nothing else; what is kept is small and has nothing of the machine that drew it."""
    shown = re.findall(r"\(pictures/([\w-]+\.\w+)\)", (DOCS / "gallery.md").read_text(encoding="utf-8"))
    assert sorted(shown) == [file.name for file in KEPT]
    for file in KEPT:
        assert file.stat().st_size < (35_000 if file.suffix == ".svg" else 100_000), file.name
    for file in (file for file in KEPT if file.suffix == ".svg"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"url\((?!#)|@font-face|/(?:tmp|home|root|work|usr)/", text), file.name
        assert rows(text)[0].startswith("$ simcore "), file.name


def test_a_command_is_drawn_as_a_terminal_shows_it(tmp_path: Path) -> None:
    """The command line, then its answer, in colour; a command that ends otherwise than it should draws nothing."""
    import terminal_views

    drawn = terminal_views.Drawn(tmp_path, tmp_path)
    drawn.file_of("docs/locks.md", "accounts.py")
    drawn.terminal.run("simcore record accounts.py")
    drawn("locks", "simcore locks", ends_with=(1,))
    svg = (tmp_path / "locks.svg").read_text(encoding="utf-8")
    said = rows(svg)
    assert said[0] == "$ simcore locks"
    assert said[1].startswith("1 POTENTIAL DEADLOCK  it did not strike")
    assert len(set(re.findall(r"fill: (#\w+)", svg))) > 3
    with pytest.raises(RuntimeError, match=r"`simcore locks` ended with 1, expected 0:(?s:.*)POTENTIAL"):
        drawn("never", "simcore locks")
    assert not (tmp_path / "never.svg").exists()


def test_without_a_browser_the_kept_pictures_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build says in one line what is missing, and draws nothing that it could not."""
    import browser_views

    monkeypatch.setenv("PATH", "")
    said = browser_views.draw(tmp_path)
    assert said.startswith("pictures of the report and the notebook are those of docs/pictures; missing here: ")
    assert said.endswith("a Chromium")
    assert "\n" not in said
    assert not list(tmp_path.glob("*.png"))


def test_only_what_is_left_on_the_screen_is_drawn() -> None:
    """A bar that was drawn over, and one that was taken away, are gone; colours stay."""
    from terminal import screen_of

    assert screen_of("\x1b[?25lrun 1\r\x1b[2Krun 2\r\x1b[2K\x1b[1mdone\x1b[0m\r\n") == "\x1b[1mdone\x1b[0m"
    assert screen_of("one\r\ntwo\r\n\x1b[1A\x1b[2Kthree\r\n") == "one\nthree"


def test_wide_characters_take_two_columns() -> None:
    """Words in Japanese are as wide as a terminal has them."""
    from terminal import COLUMN_PX, picture

    lengths = dict(re.findall(r'textLength="([\d.]+)"[^>]*>([^<]*)<', picture([("simcore info", "食事 a")])))
    assert lengths == {f"{n * COLUMN_PX:g}": text for n, text in ((2, "$&#160;"), (12, "simcore&#160;info"), (6, "食事&#160;a"))}
