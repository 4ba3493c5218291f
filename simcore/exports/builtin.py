"""The exporters that come with simcore, through the hook that anybody's come through. Each is loaded when it is used."""

from __future__ import annotations

from simcore.api import exporter, hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from simcore.exports.part import Part


@exporter(suffix=".pftrace", title="for ui.perfetto.dev: processes, threads, operations, waits, locks, arrows")
def perfetto(part: Part, file: BinaryIO) -> None:
    """TrackEvent protobuf."""
    from simcore.exports.perfetto import write_perfetto

    write_perfetto(part, file)


@exporter(suffix=".json", title="the JSON of chrome://tracing, which many viewers read")
def chrome(part: Part, file: BinaryIO) -> None:
    """Trace event format."""
    from simcore.exports.chrome import write_chrome

    write_chrome(part, file)


@exporter(suffix=".jsonl", title="an event a line, with names")
def jsonl(part: Part, file: BinaryIO) -> None:
    """JSON lines."""
    from simcore.exports.jsonl import write_jsonl

    write_jsonl(part, file)


@exporter(suffix=".parquet", title="a table of events for data frames; needs simcore[data]")
def parquet(part: Part, file: BinaryIO) -> None:
    """Apache Parquet."""
    from simcore.exports.parquet import write_parquet

    write_parquet(part, file)


@hookimpl
def simcore_exporters() -> Iterable[Callable[..., object]]:
    """All four."""
    return [perfetto, chrome, jsonl, parquet]
