"""A cell as a file: spawn and fork servers import it, tracebacks name it, a replay finds it as it was."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from contextlib import suppress
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from simcore.engine.folder import SUFFIX, TraceFolder
from simcore.errors import TraceError, UsageError
from simcore.trace.store import read_header

_FOLDER: Final = ".cells"

KEPT_S: Final = 7 * 24 * 3600.0
"""So long a version of a cell stays in any case: whoever has moved its trace elsewhere may still replay it."""

_TRACES: Final = "traces"
"""Beside a cell's file: a line for each of its traces that is not in the trace folder."""

_PLACE: Final = re.compile(rf"(?:[^\s']*/)?{re.escape(_FOLDER)}/([0-9a-f]{{10}})/")


def write_cell(code: str, magic: str, name: str) -> str:
    """Write the cell into a file of this name, below the trace folder, and return its path from the working folder.

    Each version of a cell has a folder of its own, so that a trace can be replayed after the cell was changed. The first line is
    the magic, as a comment: lines are counted as in the cell. Old versions that no trace needs go, see `_tidy`.

    Raises: UsageError when it cannot be written.
    """
    if _is_module(name):
        name = f"{name}_cell"  # the program would import itself in its place
    text = f"# {magic}\n{code}" + ("" if code.endswith("\n") else "\n")
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    traces = TraceFolder()
    cells = traces.path / _FOLDER
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
    _tidy(traces, cells)
    return os.path.relpath(path)


def keep_for(file: str, trace: Path) -> None:
    """Keep the file of a cell as long as this trace is there, also where it is not in the trace folder."""
    if trace.resolve().parent != TraceFolder().path.resolve():
        with suppress(OSError), Path(file).with_name(_TRACES).open("a", encoding="utf-8", errors="surrogateescape") as notes:
            notes.write(f"{trace.resolve()}\n")


def _tidy(traces: TraceFolder, cells: Path) -> None:
    """Remove versions of cells that were not run for a week and that no trace was recorded from, as far as that can be known.

    A replay runs the cell's file, so whatever has a trace stays. Where a trace cannot be read, all stay.
    """
    with suppress(OSError, TraceError):
        old = [place for place in cells.iterdir() if place.is_dir() and _last_run(place) < time.time() - KEPT_S]
        if not old:
            return
        needed = {digest for file in traces.path.glob(f"*{SUFFIX}") for digest in _cells_of(file)}
        for place in old:
            if place.name not in needed and not _has_traces(place):
                shutil.rmtree(place, ignore_errors=True)


def _last_run(place: Path) -> float:
    """When a version of a cell was run last: its file is written each time."""
    return max((file.stat().st_mtime for file in place.glob("*.py")), default=0.0)


def _cells_of(trace: Path) -> list[str]:
    """The cells that a trace needs to be replayed. Raises: TraceError."""
    scenario = read_header(trace)[0].scenario
    return _PLACE.findall(" ".join((scenario.name, *scenario.argv)))


def _has_traces(place: Path) -> bool:
    """Whether a trace is left of those that were noted beside the cell."""
    try:
        notes = (place / _TRACES).read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return False
    return any(Path(line).exists() for line in notes.splitlines())


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
