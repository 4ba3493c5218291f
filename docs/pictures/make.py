"""Draws the README's picture from a real run: `python docs/pictures/make.py`, with simcore installed.

Takes the program in README.md, hunts for a run that fails, and draws the diff of the last passing run with it.
"""

import os
import re
import tempfile
from pathlib import Path

from rich.console import Console

import simcore
from simcore.views.diff import diff_view

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def main() -> None:
    """Write diff.svg beside this file."""
    source = re.search(r"<!-- file: teller\.py -->\n```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert source is not None, "README.md has no teller.py"
    target = HERE / "diff.svg"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("teller.py").write_text(source[1], encoding="utf-8")
        passed = failed = None
        for chaos in range(500):
            trace = simcore.record("./teller.py", chaos=chaos, quiet=True, output=f"{chaos}.simtrace")
            if trace.outcome is simcore.Outcome.OK:
                passed = trace
            else:
                failed = trace
            if passed is not None and failed is not None:
                break
        assert passed is not None, "no run passed"
        assert failed is not None, "no run failed"
        passed.path, failed.path = Path("pass.simtrace"), Path("fail.simtrace")
        console = Console(record=True, width=100, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
        console.print("[bold]$ simcore diff pass.simtrace fail.simtrace[/bold]", highlight=False)
        console.print(diff_view(simcore.diff(passed, failed)))
        target.write_text(console.export_svg(title="simcore"), encoding="utf-8")
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
