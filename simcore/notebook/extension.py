"""The magics `%simcore` and `%%simcore` for IPython."""

from __future__ import annotations

from typing import Any

from simcore.errors import SimcoreError
from simcore.notebook.magic import Interrupted, Result, run_cell, run_line
from simcore.notebook.running import show_progress


def load(shell: Any) -> None:
    """Give an IPython shell the magics."""

    def simcore(line: str, cell: str | None = None) -> Result:
        """Run simcore: `%simcore VERB ...` is a command line, `%%simcore [record|compare|diff] [options]` runs the cell.

        What is returned is shown, and is `_` afterwards; `%%simcore --name t` keeps it in `t`.
        """
        from IPython.core.error import UsageError

        try:
            if cell is None:
                return run_line(line, shell.user_ns)
            return run_cell(line, cell, shell.user_ns)
        except SimcoreError as error:
            if isinstance(error, Interrupted) and error.result is not None:
                shell.display_pub.publish(*shell.display_formatter.format(error.result))
            said = f"{error}; {error.hint}" if error.hint else str(error)
        except KeyboardInterrupt:
            said = "interrupted"
        # Not raised from the other one: IPython shows this kind in one line.
        raise UsageError(said)

    show_progress(_Line)
    shell.register_magic_function(simcore, magic_kind="line_cell", magic_name="simcore")


class _Line:
    """An output of a cell that has one line, the latest."""

    def __init__(self) -> None:
        self._shown: Any = None

    def __call__(self, line: str) -> None:
        from IPython.display import display

        facts = {"text/plain": line}
        if self._shown is None:
            show: Any = display
            self._shown = show(facts, raw=True, display_id=True)
        else:
            self._shown.update(facts, raw=True)
