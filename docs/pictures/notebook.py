"""Takes the picture of the notebook: `python docs/pictures/notebook.py`, with nbconvert, playwright and a Chromium installed.

A part of docs/notebook.ipynb as nbconvert shows it, in the reader's light and dark scheme. It has Japanese words, for which a
font must be there.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

SHOWN = ("about-dining-philosophers", "dining-philosophers")


def main(target: Path = HERE) -> None:
    """Write notebook-light.png and notebook-dark.png into a folder, by default beside this file."""
    from browser import browser

    notebook = nbformat.read(HERE.parent / "notebook.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id in SHOWN]
    with tempfile.TemporaryDirectory() as folder, browser() as running:
        for scheme in ("light", "dark"):
            page, _ = HTMLExporter(theme=scheme).from_notebook_node(notebook)
            file = Path(folder) / f"{scheme}.html"
            file.write_text(page, encoding="utf-8")
            context = running.new_context(viewport={"width": 1100, "height": 760}, color_scheme=scheme, offline=True)
            tab = context.new_page()
            tab.goto(file.as_uri(), wait_until="domcontentloaded")
            tab.locator("main").screenshot(path=str(target / f"notebook-{scheme}.png"))
            context.close()


if __name__ == "__main__":
    main()
