"""Turns what a killed controller left over into a trace.

A run folder holds, beside what the program writes, a plan: what the controller knew when it started the program. Whoever comes
next finishes the work with it, when the program has ended.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simcore.engine.collect import collect
from simcore.engine.family import kill_family, process_runs
from simcore.engine.folder import RunFolder, TraceFolder
from simcore.engine.header import from_plain, to_plain
from simcore.engine.launch import End
from simcore.engine.naming import trace_name
from simcore.engine.run_reader import RunReader
from simcore.engine.semaphores import remove_semaphores
from simcore.errors import InternalError, TraceError, UsageError
from simcore.trace.events import Outcome
from simcore.trace.model import Header, Trace

_PLAN: Final = "plan.json"
_REFUSED: Final = "refused"
_REPLAY: Final = "replay"
"""Marks the run folder of a replay: there is nothing in it to keep."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes to finish a recording: the header, where the trace is to go ('' for the trace folder), whether with sources.

    `header` was made, clock and all, just before the program was started.
    """

    header: Header
    output: str
    keep_source: bool

    def save(self, run: Path) -> None:
        """Write it into the run folder. Raises: TypeError for parameters that JSON cannot hold."""
        plain = {"header": to_plain(self.header), "output": self.output, "keep_source": self.keep_source}
        (run / _PLAN).write_text(json.dumps(plain), encoding="utf-8")

    @classmethod
    def load(cls, run: Path) -> "Plan":
        """Read it back. Raises: OSError, ValueError, KeyError, TypeError."""
        plain = json.loads((run / _PLAN).read_text(encoding="utf-8"))
        return cls(from_plain(plain["header"]), plain["output"], plain["keep_source"])


def refuse(run: RunFolder) -> None:
    """Keep a run folder that no trace can be made of, for a report, and let nobody try again."""
    (run.path / _REFUSED).touch()
    run.release()


def recover(traces: TraceFolder) -> list[Path]:
    """Turn left-over run folders into traces; those whose program still runs are left alone. Returns the paths of the traces.

    A folder that no trace can be made of is kept, but not tried again; one whose trace cannot be written now is tried next time.
    """
    made = []
    for run in traces.left_over():
        try:
            path = _recover(run, traces)
        except (OSError, UsageError):
            run.release()
            continue
        except (InternalError, TraceError, ValueError, KeyError, TypeError):
            refuse(run)
            continue
        if path is not None:
            made.append(path)
    traces.tidy()
    return made


def _recover(run: RunFolder, traces: TraceFolder) -> Path | None:
    """Finish one run folder; the path of its trace, or None when there is nothing to keep, or not yet."""
    if (run.path / _REFUSED).exists():
        run.release()
        return None
    pid = _pid(run.path)
    runs = process_runs(run.path, pid)
    if (run.path / _REPLAY).exists():
        if runs:
            kill_family(pid)  # nobody gives it turns any more: it would wait for ever
        remove_semaphores(run.path)
        run.remove()
        return None
    if runs:
        run.release()
        return None
    reader = RunReader(run.path)
    try:
        if not (run.path / _PLAN).exists() or not reader.exists() or not reader.refresh_definitions().actors:
            run.remove()  # the program had not begun
            return None
        plan = Plan.load(run.path)
        trace = _trace(reader, plan)
    finally:
        reader.close()
    output = Path(plan.output) if plan.output else None
    if output is not None and (output.exists() or not output.parent.is_dir()):
        output = None  # never over what somebody has put there since
    path = keep(trace, output, run, traces)
    run.remove()
    return path


def _trace(reader: RunReader, plan: Plan) -> Trace:
    """The trace of a run that nobody saw the end of: its exit code is not known."""
    merged = collect(reader, plan.header, End(0, "", 0, 0, 0), "", keep_source=plan.keep_source)
    ending = merged.trace.ending
    ending.exit_code = None
    if not merged.trace.has_end:
        ending.outcome = Outcome.KILLED
        ending.cut_off = ending.cut_off or "simcore was killed while it recorded, and the program did not come to its end"
        return merged.trace
    if _failed(reader, plan):
        ending.outcome = Outcome.FAILED
    whole = "simcore was killed while it recorded; the program came to its end, its exit code is not known"
    ending.cut_off = ending.cut_off or whole
    return merged.trace


def _failed(reader: RunReader, plan: Plan) -> bool:
    """Whether an error that was noted failed the run: a program's main thread's, any thread's of a pattern or function."""
    known = reader.definitions
    names = [known.actors[error[0]][0] for error in known.errors if error[0] in known.actors]
    return "main" in names or (bool(names) and plan.header.scenario.target in ("pattern", "function"))


def keep(trace: Trace, output: Path | None, run: RunFolder, traces: TraceFolder) -> Path:
    """Save a trace to a file, else as the next of its name in the trace folder. Raises: UsageError when it cannot be written."""
    if output is not None:
        return trace.save(output)
    name = trace_name(trace.header.scenario)
    if not run.path.is_dir():  # somebody deleted it
        return trace.save(traces.new_path(name))
    trace.save(run.path / "trace")
    trace.path = traces.adopt(run.path / "trace", name)
    return trace.path


def _pid(run: Path) -> int:
    """The process that claimed this run folder, or 0."""
    try:
        return int((run / "claim").read_bytes())
    except (OSError, ValueError):
        return 0
