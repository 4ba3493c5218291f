"""`simcore record --until-failure`: runs again and again, quietly, until a run fails.

The failing run and the last one that passed are kept. The answer goes to stdout, for here the program's own output is hidden.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from simcore.cli import console
from simcore.cli.options import SUFFIX, folder
from simcore.cli.progress import shown
from simcore.errors import ExitCode
from simcore.trace.events import Kind, Outcome
from simcore.trace.text import clean, count, duration, shorten
from simcore.trace.words import Words
from simcore.views.summary import blocked, outcome_words, shown_path, summary_facts, typed_path

_RUNS_FOR_COMPARISON: Final = 20
"""How many more runs are made to have one that passes beside one that failed at once."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from simcore.cli.record import Run
    from simcore.trace.model import Trace


def hunt(run: Run, max_runs: int, *, as_json: bool) -> int:
    """Record until a run fails or `max_runs` have passed; 1 when one failed, else 0."""
    failing, passing = _places(run.output)
    scratch = failing.with_name(f".{failing.stem}-{os.getpid()}{SUFFIX}")
    started_ns = monotonic_ns()
    failed: Trace | None = None
    passed: Trace | None = None
    number = passed_at = 0
    try:
        with _progress(max_runs) as advance:
            for number in range(1, max_runs + 1):
                trace = _once(run, scratch)
                if is_failure(trace):
                    failed = _keep(trace, failing)
                    break
                passed, passed_at = _keep(trace, passing), number
                advance(number, monotonic_ns() - started_ns)
            extra = number
            while failed is not None and passed is None and extra < min(number + _RUNS_FOR_COMPARISON, max_runs):
                extra += 1
                trace = _once(run, scratch)
                if not is_failure(trace):
                    passed, passed_at = _keep(trace, passing), extra
    finally:
        scratch.unlink(missing_ok=True)
    each_ns = (monotonic_ns() - started_ns) // max(number, 1)
    split = _first_split(passed, failed) if passed is not None and failed is not None else ""
    if as_json:
        console.answer_json(
            {
                "runs": number,
                "failed": failed is not None,
                "ns_per_run": each_ns,
                "fail": summary_facts(failed) if failed is not None else None,
                "pass": summary_facts(passed) if passed is not None else None,
                "first_split": split or None,
            }
        )
    elif failed is None:
        console.answer(_clean_bill(number, each_ns, passed, chaos=run.chaos))
    else:
        console.answer(_report(number, failed, passed_at, passed, split))
    return ExitCode.YES if failed is None else ExitCode.NO


def _once(run: Run, scratch: Path) -> Trace:
    """One run of the hunt. Raises: KeyboardInterrupt when it was interrupted: that is no failure, and whoever did it means us."""
    from simcore.engine.passing import signals_so_far

    before = signals_so_far()
    trace = run.once(output=scratch, quiet=True)
    if trace.ending.exit_code == -SIGINT or signals_so_far() != before:
        raise KeyboardInterrupt
    return trace


def is_failure(trace: Trace) -> bool:
    """Whether this run is what the hunt is after: an outcome that is not expected, or, where being ok is expected too, not ok."""
    return not trace.as_expected or ("ok" in trace.header.scenario.expect and trace.outcome is not Outcome.OK)


def _places(output: str | None) -> tuple[Path, Path]:
    """Where the failing and the passing trace go: to `-o X` and X-pass, else to fail and pass in the trace folder, numbered when
    an earlier hunt has left some there."""
    if output is not None:
        failing = Path(output)
        return failing, failing.with_name(f"{failing.stem}-pass{failing.suffix}")
    parent = folder().new_path("fail").parent
    number = 1
    while True:
        end = f"-{number}" if number > 1 else ""
        failing, passing = parent / f"fail{end}{SUFFIX}", parent / f"pass{end}{SUFFIX}"
        if not failing.exists() and not passing.exists():
            return failing, passing
        number += 1


def _keep(trace: Trace, path: Path) -> Trace:
    if trace.path is not None:
        os.replace(trace.path, path)
        trace.path = path
    return trace


def _first_split(passed: Trace, failed: Trace) -> str:
    """The sentence that says where the two runs part first, or nothing."""
    from simcore.diffing import diff

    split = diff(passed, failed).split
    return split.sentence if split is not None else ""


def _clean_bill(number: int, each_ns: int, passed: Trace | None, *, chaos: bool) -> Text:
    text = Text(f"{count(number, 'run')}, ").append("none failed", style="bold green")
    text.append(f"   {duration(each_ns)} each", style="dim")
    if passed is not None and passed.path is not None:
        text.append("\nkept  ", style="dim").append(f"{shown_path(passed.path)} (run {number})")
    text.append("\nnext  ", style="dim").append("--max-runs N tries longer")
    if not chaos:
        return text.append(", --chaos shakes the schedule")
    if passed is not None and passed.header.scenario.granularity != "access":
        # Chaos delays what is recorded: without accesses it never comes between the read and the write of a lost update.
        text.append("\n      --granularity access shakes reads and writes of data too")
    return text


def last_words(trace: Trace, lines: int = 3) -> list[str]:
    """The last lines that a run wrote to stdout and stderr, blank ones left out, cleaned and shortened."""
    columns, texts = trace.columns, trace.texts
    found = ""
    for position in range(len(trace) - 1, -1, -1):
        index = columns.value[position]
        if columns.kind[position] == Kind.WRITE and 0 <= index < len(texts):
            text = texts[index]
            found = (text if isinstance(text, str) else "") + found
            if len([line for line in found.splitlines()[1:] if line.strip()]) >= lines:
                break
    return [shorten(clean(line.rstrip()), 76) for line in found.splitlines() if line.strip()][-lines:]


def _report(number: int, failed: Trace, passed_at: int, passed: Trace | None, split: str) -> RenderableType:
    words = Words(failed)
    text = Text(f"run {number} ").append(outcome_words(failed), style="bold red")
    if not failed.ending.deadlock and failed.ending.error:
        text.append(f"\n{clean(failed.ending.error)}")
        if where := words.site_in_full(failed.sites[failed.ending.error_site]):
            text.append(f"  at {where}", style="dim")
    elif not failed.ending.deadlock:
        # Its output was hidden, and what it said last is likely what went wrong.
        for line in last_words(failed):
            text.append(f"\n  {line}", style="dim")
    parts: list[RenderableType] = [text, *blocked(failed)]
    kept = [(trace.path, of) for trace, of in ((failed, number), (passed, passed_at)) if trace is not None and trace.path]
    last = Text("kept  ", style="dim")
    last.append(", ".join(f"{shown_path(path)} (run {of})" for path, of in kept), style="default")
    if split:
        last.append("\nfirst split  ", style="dim").append(split)
    fail = typed_path(kept[0][0]) if kept else ""
    last.append("\nnext  ", style="dim").append(f"simcore replay {fail}")
    if len(kept) > 1:
        last.append(f"\n      simcore diff {typed_path(kept[1][0])} {fail}")
    return Group(*parts, last)


@contextmanager
def _progress(max_runs: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for somebody who watches. Yields what to call after every run that passed."""

    def line_of(number: int, elapsed_ns: int) -> str:
        return f"run {number} of {max_runs}  {duration(elapsed_ns // number)}/run  failed 0"

    with shown(max_runs, f"run 1 of {max_runs}", to_the_end=False) as show:
        yield lambda number, elapsed_ns: show(number, line_of(number, elapsed_ns))
