"""Pictures of the report and of the notebook, as headless Chromium shows them to readers of the light and of the dark scheme.

Each is what the real command, or nbconvert with the notebook of these pages, has made.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from terminal import Terminal

DOCS: Final = Path(__file__).resolve().parents[1]
SCHEMES: Final = ("light", "dark")
COLOURS: Final = 128
"""A picture of so many is a third of the file, and looks the same."""

CELLS: Final = {
    "notebook": ("about-dining-philosophers", "dining-philosophers"),
    "notebook-diff": ("own-4", "own-5"),
    "notebook-compare": ("own-6", "own-7"),
}
"""Per picture its cells, by their names."""


def draw(target: Path) -> str:
    """Draw what can be drawn here into a folder; a line that says what cannot, and why."""
    modules = ("playwright", "nbconvert", "bokeh", "PIL", "pytest")
    absent = [name for name in modules if find_spec(name) is None]
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        absent.append("a Chromium")
    if absent:
        return f"pictures of the report and the notebook are those of docs/pictures; missing here: {', '.join(absent)}"
    sys.path.insert(0, str(DOCS.parent / "tests"))
    from browser import browser

    with tempfile.TemporaryDirectory() as folder, browser() as running:
        reports(running, Path(folder), target)
        if not has_japanese():
            return "pictures of the notebook are those of docs/pictures; missing here: a Japanese font"
        notebooks(running, Path(folder), target)
    return ""


def has_japanese() -> bool:
    """Whether some font has it; else there would be boxes."""
    command = shutil.which("fc-list")
    return command is not None and bool(subprocess.run([command, ":lang=ja"], capture_output=True, check=False).stdout)


def reports(running: Any, folder: Path, target: Path) -> None:
    """The timeline of one run, and the top of the page of two that part."""
    from browser import Tab

    terminal = Terminal(folder)
    for name in ("one", "other"):
        terminal.run(f"simcore record process-lock --start-method fork -o {name}.simtrace")
    terminal.run("simcore report one.simtrace -o report.html")
    terminal.run("simcore report one.simtrace other.simtrace -o report-diff.html")
    for scheme in SCHEMES:
        for name, part in (("report", "#timeline"), ("report-diff", "body")):
            tab = Tab(running, folder / f"{name}.html", scheme)
            tab.page.locator(part).evaluate("part => window.scrollTo(0, part.offsetTop - 12)")
            tab.page.set_viewport_size({"width": 1280, "height": 760})
            tab.page.wait_for_function("[...simcoreCharts.values()].every(one => one.plot.inner_width > 600)")
            keep(tab.page.screenshot(), target / f"{name}-{scheme}.png")
            tab.page.context.close()


def notebooks(running: Any, folder: Path, target: Path) -> None:
    """Parts of the notebook: a run, a diff, a comparison."""
    import nbformat
    from nbconvert import HTMLExporter

    for scheme in SCHEMES:
        exporter = HTMLExporter(theme=scheme)
        for name, cells in CELLS.items():
            notebook = nbformat.read(DOCS / "notebook.ipynb", as_version=4)
            notebook.cells = [cell for cell in notebook.cells if cell.id in cells]
            file = folder / f"{name}-{scheme}.html"
            file.write_text(exporter.from_notebook_node(notebook)[0], encoding="utf-8")
            with page(running, scheme) as tab:
                tab.goto(file.as_uri(), wait_until="domcontentloaded")
                keep(tab.locator("main").screenshot(), target / f"{name}-{scheme}.png")


@contextmanager
def page(running: Any, scheme: str) -> Iterator[Any]:
    """An empty page that may load nothing from a network."""
    context = running.new_context(viewport={"width": 1100, "height": 760}, color_scheme=scheme, offline=True)
    try:
        yield context.new_page()
    finally:
        context.close()


def keep(shot: bytes, file: Path) -> None:
    """Write a picture with few colours."""
    from PIL import Image

    Image.open(BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
