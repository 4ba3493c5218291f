"""What the program and the runtime wrote down beside events: what was not controlled, and the error that ended the run."""

from collections.abc import Iterator

from simcore.engine.segments import Definitions
from simcore.engine.source_files import SourceFiles
from simcore.trace.events import Kind
from simcore.trace.model import Site, Trace


def _unheard(definitions: Definitions) -> Iterator[tuple[str, str]]:
    """Children that were executed and never came to be recorded: other programs, and Pythons that load no runtime."""
    for name, program, ident in definitions.actors.values():
        if program and not ident and name.rfind(".") > name.rfind("/"):
            yield "child process", program


def not_controlled(definitions: Definitions) -> list[str]:
    """`1 socket (:5432)`, `2 native threads`: what was noted, counted."""
    details: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for what, detail in [*definitions.notes, *_unheard(definitions)]:
        if what in ("write added", "write removed"):
            continue  # of a replay
        if what == "native thread":
            counts[what] = int(detail)
            continue
        counts[what] = counts.get(what, 0) + 1
        if detail and detail not in details.setdefault(what, []):
            details[what].append(detail)
    result = []
    for what, number in counts.items():
        plural = what if number == 1 else "child processes" if what == "child process" else f"{what}s"
        shown = details.get(what, [])
        result.append(f"{number} {plural}" + (f" ({', '.join(shown[:3])}{', ...' if len(shown) > 3 else ''})" if shown else ""))
    return result


def note_error(trace: Trace, definitions: Definitions, actor_ids: dict[int, int], files: SourceFiles) -> None:
    """The error that ended the run: the main thread's, else the first of a thread."""
    if not definitions.errors:
        return
    main = [error for error in definitions.errors if definitions.actors.get(error[0], ("",))[0] == "main"]
    # Threads write their errors in no particular order; their ends have one.
    end = int(Kind.END)
    ends = {trace.columns.actor[place]: place for place, kind in enumerate(trace.columns.kind) if kind == end}
    first = min(definitions.errors, key=lambda error: ends.get(actor_ids.get(error[0], -1), len(trace)))
    actor, kind, message, file, line = main[0] if main else first
    name = definitions.actors.get(actor, ("?", "", 0))[0]
    trace.ending.error = f"{kind}: {message}" if message else kind
    if not main:
        trace.ending.error += f" in {name}"
    site = Site(files.relative(files.absolute(file)), line, "")
    found = [index for index, known in enumerate(trace.sites) if known[:2] == site[:2]]
    if not found:
        trace.sites.append(site)
    trace.ending.error_site = found[0] if found else len(trace.sites) - 1
