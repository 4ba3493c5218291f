"""The magics `%simcore` and `%%simcore` for IPython."""

from __future__ import annotations

from typing import Any

from simcore.errors import SimcoreError
from simcore.notebook.magic import Interrupted, Result, run_cell, run_line


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

    shell.register_magic_function(simcore, magic_kind="line_cell", magic_name="simcore")
