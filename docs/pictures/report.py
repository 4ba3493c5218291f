"""Takes the pictures of the report: `python docs/pictures/report.py`, with simcore[html], playwright and a Chromium installed.

A run of process-lock, ten processes that share a lock, in the reader's light and dark scheme.
"""

import os
import sys
import tempfile
from pathlib import Path

import simcore
from simcore.cli import main as simcore_main

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))


def main(target: Path = HERE) -> None:
    """Write report-light.png and report-dark.png into a folder, by default beside this file."""
    from browser import Tab, browser

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, browser() as running:
        os.chdir(folder)
        try:
            simcore.record("process-lock", start_method="fork", quiet=True, output="process-lock.simtrace")
            simcore_main(["report", "process-lock.simtrace", "-o", "run.html"])
            for scheme in ("light", "dark"):
                tab = Tab(running, Path("run.html"), scheme)
                tab.page.locator("#timeline").evaluate("section => window.scrollTo(0, section.offsetTop - 12)")
                tab.page.set_viewport_size({"width": 1280, "height": 760})
                tab.page.wait_for_function("[...simcoreCharts.values()].every(one => one.plot.inner_width > 600)")
                tab.page.screenshot(path=str(target / f"report-{scheme}.png"))
        finally:
            os.chdir(before)


if __name__ == "__main__":
    main()
