"""Pictures of every view, from real runs: each build of the site draws them anew, into the build.

Those in docs/pictures are what README and the pages show on GitHub, and what a build shows where it cannot draw. They are drawn
by `python docs/building/pictures.py --keep`, with simcore[html], nbconvert, playwright, a Chromium and a Japanese font installed;
`python docs/building/pictures.py FOLDER` draws into a folder, to look at.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sphinx.application import Sphinx

KEPT: Final = Path(__file__).resolve().parents[1] / "pictures"


def draw(folder: Path) -> str:
    """Draw all that can be drawn here into a folder; a line that says what cannot, and why."""
    import browser_views
    import terminal_views

    folder.mkdir(parents=True, exist_ok=True)
    terminal_views.draw(folder)
    return browser_views.draw(folder)


def start(app: Sphinx) -> None:
    """Begin to draw, beside all else that the build does."""
    if app.builder.format != "html":
        return
    folder = Path(app.doctreedir) / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, __file__, str(folder)]
    _drawing[app.outdir] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(app: Sphinx, failed: Exception | None) -> None:
    """Put what was drawn in the place of the pictures that the pages have from docs/pictures."""
    from sphinx.util.logging import getLogger

    drawing = _drawing.pop(app.outdir, None)
    if drawing is None:
        return
    if failed is not None:
        drawing.terminate()
    said, _ = drawing.communicate()
    logger = getLogger(__name__)
    if failed is None and drawing.returncode:
        logger.warning("the pictures could not be drawn:\n%s", said)
    elif said:
        logger.info("%s", said.rstrip())
    for source, (_, name) in app.env.images.items():
        drawn = Path(app.doctreedir) / "pictures" / Path(source).name
        if Path(source).parent.name == KEPT.name and drawn.exists():
            shutil.copyfile(drawn, Path(app.outdir) / app.builder.imagedir / name)


_drawing: Final[dict[os.PathLike[str], subprocess.Popen[str]]] = {}
"""By the folder of the build."""


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    told = draw(KEPT if sys.argv[1] == "--keep" else Path(sys.argv[1]))
    if told:
        print(told)
