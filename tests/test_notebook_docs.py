"""docs/notebook.ipynb: it has the whole catalogue, nothing of the machine that made it, and runs from first to last."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from drawings import Drawing
from extras import needed

from simcore.engine.plugins import PluginHost

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "notebook.ipynb").read_text(encoding="utf-8")
CELLS: list[dict[str, Any]] = json.loads(TEXT)["cells"]
BUILT_IN = [name for name, pattern in PluginHost(env=False).patterns.items() if pattern.plugin]


def shown(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """The values that a cell shows."""
    return [output["data"] for output in cell["outputs"] if "data" in output]


def test_every_pattern_has_a_section_with_its_timeline() -> None:
    """Under its Japanese title, too, and each did what is expected of it."""
    host = PluginHost(env=False)
    headings = "".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")
    by_name = {cell["id"]: cell for cell in CELLS}
    for name in BUILT_IN:
        pattern = host.find(name)
        assert f"{name} · {pattern.title_ja}\n" in headings
        (value,) = shown(by_name[name])
        drawing = Drawing("".join(value["image/svg+xml"]))
        assert name in [text for _, _, text in drawing.texts]
        headline = "".join(value["text/plain"]).splitlines()[0]
        assert re.search(r"  ok in |  as expected", headline), headline


def test_nothing_of_the_machine_is_in_it() -> None:
    """No path of its files, and it is small enough to be looked at on the web."""
    assert re.findall(r"/(?:tmp|home|root|Users|work|usr|opt|var)/[\w.-]+", TEXT) == []
    assert len(TEXT.encode()) < 1_500_000
    assert not [output for cell in CELLS for output in cell.get("outputs", ()) if output["output_type"] == "error"]


@pytest.mark.filterwarnings("ignore")
def test_it_runs_from_its_first_cell_to_its_last(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells are those that the script writes; each runs, and each of a pattern ends as expected."""
    for name in ("nbformat", "nbclient", "ipykernel"):
        needed(name)
    monkeypatch.syspath_prepend(str(DOCS))
    import make_notebook

    notebook = make_notebook.build()
    assert [(cell.id, cell.source) for cell in notebook.cells] == [(cell["id"], "".join(cell["source"])) for cell in CELLS]
    make_notebook.execute(notebook, own_folder)
    for cell in notebook.cells:
        if cell.id in BUILT_IN:
            (value,) = shown(cell)
            assert re.search(r"  ok in |  as expected", value["text/plain"].splitlines()[0]), value["text/plain"]
