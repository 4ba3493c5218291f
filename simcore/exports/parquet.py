"""A table of events in Parquet, for data frames: the members of a line of jsonl are its columns. Names are dictionary-encoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, Final

from simcore.errors import UsageError
from simcore.exports.part import Part
from simcore.exports.phrases import Phrases
from simcore.trace.events import Kind
from simcore.trace.locate import name_of

ROWS: Final = 100_000
"""Rows of one row group."""


def write_parquet(part: Part, file: BinaryIO) -> None:
    """Write the part as one table. Raises: UsageError where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError("export to parquet needs pyarrow, which is not installed here", "pip install 'simcore[data]'") from None
    writer, tables = None, _Tables(part, pyarrow)
    for first in range(part.first, part.last + 1, ROWS) if len(part) else (part.first,):
        table = tables.table(range(first, min(first + ROWS, part.last + 1)))
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(file, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


class _Tables:
    """Makes tables of events; `pa` is the module pyarrow."""

    def __init__(self, part: Part, pa: Any) -> None:
        self.part, self.pa = part, pa
        trace = part.trace
        self.phrases = Phrases(part)
        self.names = {
            "actor": self._texts(info.name for info in trace.actors),
            "process": self._texts(trace.processes),
            "thread": self._texts(info.thread_name for info in trace.actors),
            "kind": self._texts(_KIND_NAMES),
            "object": self._texts(trace.object_names),
            "label": self._texts(trace.object_labels),
            "file": self._texts(site.file for site in trace.sites),
            "function": self._texts(site.function for site in trace.sites),
        }
        self.lines = [site.line for site in trace.sites]

    def table(self, positions: range) -> Any:
        """The events of these positions, which follow each other."""
        pa, trace, c = self.pa, self.part.trace, self.part.trace.columns
        rows = slice(positions.start, positions.stop)
        actor, thing, site = c.actor[rows], c.object[rows], c.site[rows]
        columns = {
            "position": pa.array(positions, pa.int64()),
            "name": self._texts(name_of(trace, position) for position in positions),
            "actor": self._named("actor", actor),
            "process": self._named("process", actor),
            "thread": self._named("thread", actor),
            "step": pa.array(trace.steps[rows], pa.int64()),
            "kind": self._named("kind", c.kind[rows]),
            "object": self._named("object", thing),
            "label": self._named("label", thing),
            "value": pa.array(c.value[rows], pa.int64()),
            "what": self._texts(map(self.phrases.event, positions)),
            "file": self._named("file", site),
            "line": pa.array([self.lines[number] for number in site], pa.int32()),
            "function": self._named("function", site),
            "at_ns": pa.array(c.at_ns[rows], pa.int64()),
            "waited_ns": pa.array([waited_us * 1000 for waited_us in c.waited_us[rows]], pa.int64()),
        }
        return pa.table(columns)

    def _texts(self, texts: Iterable[str]) -> Any:
        # A lone surrogate has no place in UTF-8.
        return self.pa.array([text.encode("utf-8", "replace").decode() for text in texts], self.pa.string())

    def _named(self, table: str, indices: Sequence[int]) -> Any:
        return self.pa.DictionaryArray.from_arrays(self.pa.array(indices, self.pa.int32()), self.names[table])


_KIND_NAMES: Final = tuple(
    Kind(number).name.lower() if number in {int(kind) for kind in Kind} else "" for number in range(max(Kind) + 1)
)
