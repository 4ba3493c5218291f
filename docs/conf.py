"""The site: `sphinx-build --fail-on-warning --keep-going docs build/docs` in a checkout with `pip install '.[docs]'`.

It needs no network. A link that leads nowhere, also to a heading, is a warning and so fails the build; links out of the site are
looked up by `sphinx-build -b linkcheck docs build/links`, on request, for that needs one. The front page is README, the pages of
the patterns are made from their docstrings and from runs of them: see docs/building.
"""

import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "building"))

import help_pages  # noqa: E402  it lies in the folder just named
import pattern_pages  # noqa: E402
import pictures  # noqa: E402
import whole_files  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

import simcore  # noqa: E402

project = "simcore"
author = copyright = "the simcore developers"  # noqa: A001  Sphinx wants it so
release = version = simcore.__version__

extensions = ["myst_parser"]
exclude_patterns = ["building"]
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
myst_links_external_new_tab = False
nitpicky = True
highlight_language = "text"
pygments_style = "friendly"

html_theme = "furo"
html_title = f"simcore {release}"
html_show_sphinx = False
html_copy_source = False

linkcheck_timeout = 15
linkcheck_ignore = [r"https://ui\.perfetto\.dev"]  # an application: it answers to browsers


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx: what it does beside reading pages."""
    app.connect("builder-inited", pictures.start)
    app.connect("builder-inited", pattern_pages.write)
    app.connect("source-read", whole_files.put_in)
    app.connect("source-read", help_pages.put_in)
    app.connect("build-finished", pictures.finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
