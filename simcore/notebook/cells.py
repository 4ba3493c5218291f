"""A cell as a file: spawn and fork servers import it, tracebacks name it, a replay finds it as it was."""

from __future__ import annotations

import os
import re
import sys
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from simcore.engine.folder import TraceFolder
from simcore.errors import UsageError

_FOLDER: Final = ".cells"

_PLACE: Final = re.compile(rf"(?:[^\s']*/)?{re.escape(_FOLDER)}/[0-9a-f]{{10}}/")


def write_cell(code: str, magic: str, name: str) -> str:
    """Write the cell into a file of this name, below the trace folder, and return its path from the working folder.

    Each version of a cell has a folder of its own, so that a trace can be replayed after the cell was changed. The first line is
    the magic, as a comment: lines are counted as in the cell. Raises: UsageError when it cannot be written.
    """
    if _is_module(name):
        name = f"{name}_cell"  # the program would import itself in its place
    text = f"# {magic}\n{code}" + ("" if code.endswith("\n") else "\n")
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    cells = TraceFolder().path / _FOLDER
    path = cells / digest / f"{name}.py"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _ignored(cells)
        _ignored(cells.parent, only=".simtraces")
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it has characters that no file can hold"
        raise UsageError(f"the cell cannot be written to {path.parent}: {why}", "set [tool.simcore] trace-dir") from None
    return os.path.relpath(path)


def _is_module(name: str) -> bool:
    """Whether an import finds a module of this name."""
    try:
        return name in sys.stdlib_module_names or find_spec(name) is not None
    except (ImportError, ValueError):
        return True


def without_place(text: str) -> str:
    """The text with the files of cells called by their names alone: nobody but us has chosen where they lie."""
    return _PLACE.sub("", text)


def _ignored(folder: Path, only: str = "") -> None:
    """Let git ignore what is in a folder of ours."""
    file = folder / ".gitignore"
    if (not only or folder.name == only) and not file.exists():
        file.write_text("*\n", encoding="utf-8")
