"""`simcore show --timeline`, `--by-object` and `--stats`: the figures of locks, what is printed, and how both refuse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_programs import Run
from pictures import CONTENDED, LOCK, THREADS, rendered, small
from synthetic import build

import simcore
from simcore.analysis.stretches import Stretches
from simcore.trace.events import Kind, ObjectKind, Outcome
from simcore.trace.model import ObjectInfo, Trace
from simcore.views.events import Selection
from simcore.views.figures import is_queue, traffic
from simcore.views.stats import Stats
from simcore.views.usage import Usage
from simcore.views.window import window_of

pytest_plugins = ["cli_fixtures"]

US = 1000
DOCS = Path(__file__).parent.parent / "docs" / "timeline.md"


def usage(trace: Trace, first: int = 0, last: int | None = None, **options: object) -> Usage:
    """The figures of a part of a trace."""
    stretches = Stretches(trace)
    selection = Selection(first, len(trace) - 1 if last is None else last, **options)  # type: ignore[arg-type]
    return Usage(stretches, window_of(stretches, selection))


def test_the_figures_of_a_lock() -> None:
    """How often it was taken, by whom, how long it was held and waited for, and how many takes were blocked."""
    (lock,) = usage(small(*CONTENDED)).locks
    assert (lock.object, lock.takes, lock.tries, lock.hand_offs, lock.actors) == (LOCK, 2, 0, 1, {1, 2})
    assert (lock.held_ns, lock.longest_hold_ns) == (48 * US, 39 * US)
    assert (lock.waits, lock.waited_ns, lock.contention) == (1, 45 * US, 0.5)
    assert lock.longest is not None
    assert lock.longest.actor == 2


def test_the_figures_of_actors_add_up_to_their_lives() -> None:
    """Of any trace: what each ran, slept and waited is how long it lived."""
    trace = build(6, 800, 2)
    figures = usage(trace)
    for one in figures.actors:
        lived = figures.stretches.ends[one.actor] - figures.stretches.starts[one.actor][0]
        assert one.alive_ns == lived
    waited = sum(one.waited_ns for one in (*figures.locks, *figures.awaited))
    assert waited == sum(one.waited_ns for one in figures.actors) > 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hand_offs_are_those_of_the_summary(seed: int) -> None:
    """One trace has one number of hand-offs, whichever view counts them."""
    trace = build(5, 900, seed)
    expected = {one.object: one.hand_offs for one in traffic(trace) if not is_queue(trace, one.object)}
    assert {one.object: one.hand_offs for one in usage(trace).locks if one.hand_offs} == expected


@pytest.mark.parametrize("cut", [30, 101, 279, 374])
def test_a_part_has_its_part_of_the_figures(cut: int) -> None:
    """Two parts of a trace have together what the whole has; what goes on across the cut is cut there, and counted once."""
    trace = build(4, 600, 1)
    whole, first, second = usage(trace), usage(trace, 0, cut), usage(trace, cut)
    for lock in whole.locks:
        parts = [one for part in (first, second) for one in part.locks if one.object == lock.object]
        assert sum(one.held_ns for one in parts) == lock.held_ns
        assert sum(one.waited_ns for one in parts) == lock.waited_ns
        # The event at the cut belongs to both.
        at_cut = trace.columns.kind[cut] == Kind.ACQUIRE and trace.columns.object[cut] == lock.object
        assert sum(one.takes for one in parts) == lock.takes + at_cut
    one = usage(trace, cut, cut + 10, actors={1}).actors[0]
    assert one.alive_ns <= trace.columns.at_ns[cut + 10] - trace.columns.at_ns[cut]


def test_the_tables_name_locks_other_waits_actors_and_the_longest_waits() -> None:
    """The lock with its figures in a row; a queue and joins apart from locks; each wait with who had the lock."""
    queue = len(small().objects)
    events = (
        *CONTENDED,
        (2, Kind.GET, queue, 1 << 32 | 1, 1400, 90),
        (0, Kind.START, THREADS + 1, 1, 1401, 0),
        (0, Kind.JOIN, THREADS + 1, 1, 1500, 20),
    )
    trace = small(*events, objects=[*small().objects, ObjectInfo(0, ObjectKind.QUEUE, 1, 1, "jobs")])
    text = rendered(Stats(usage(trace)))
    assert re.search(r"^stock +2 +50% +1 +48 us +39 us +45 us +45 us$", text, re.M)
    assert re.search(r"^jobs +1 +1 +90 us +90 us$", text, re.M)
    assert re.search(r"^threads and processes to end +1 +1 +20 us +20 us$", text, re.M)
    assert re.search(r'^main/2 "consumer" +294 us +159 us +54% +135 us +46%$', text, re.M)
    assert "45 us  consumer waited for stock  @4  buf.py:30\n         producer had it, taken at @0 buf.py:22" in text
    assert "90 us  consumer waited for jobs" in text
    assert "producer put in what it got" in text


def test_only_what_matters_is_listed_unless_all_is_asked_for() -> None:
    """Locks that never came between actors are counted; of many actors the ten that waited longest are shown."""
    trace = build(14, 1400, 1)
    text = rendered(Stats(usage(trace)))
    assert "4 actors more: --all lists all" in text
    assert "4 actors more" not in rendered(Stats(usage(trace), everything=True))
    alone = small((1, Kind.ACQUIRE, LOCK, 1, 10, 0), (1, Kind.RELEASE, LOCK, 0, 20, 0))
    text = rendered(Stats(usage(alone)))
    assert "no lock was waited for or changed hands\n1 lock more: --all lists all" in text
    assert re.search(r"^stock +1 +10 us +10 us$", rendered(Stats(usage(alone), everything=True)), re.M)
    assert rendered(Stats(usage(small()))) == "no events"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("actors", [1, 12, 40])
def test_statistics_stay_within_the_width(width: int, actors: int) -> None:
    """Tables and waits at any width; where there is room places have a column."""
    trace = build(actors, 8 * actors + 400, 3, outcome=Outcome.DEADLOCK if actors > 1 else Outcome.OK)
    text = rendered(Stats(usage(trace)), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert ("made at" in text) == (width >= 110 and actors > 1)


@pytest.mark.parametrize("option", ["--timeline", "--by-object", "--stats"])
def test_the_views_open_on_a_trace(run: Run, traces: Path, option: str) -> None:
    """Each begins with what was run and how it ended; a range is named beside it; both streams are as of every answer."""
    code, out, err = run("show", "a", option)
    assert (code, err) == (0, "")
    assert out.startswith("synthetic  ok in ")
    assert "balance_lock" in out
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = run("show", "a", option, "--range", "@100..@200", "--actor", "worker-1")
    assert code == 0
    assert out.splitlines()[0].endswith("@100..@200")
    code, out, _ = run("show", "dead", option)
    assert "DEADLOCK" in out.splitlines()[0]
    assert "still waits for" in out


def test_json_of_the_statistics_is_what_the_document_says(run: Run, traces: Path) -> None:
    """Every member is described, and every member that is described is there."""
    code, out, _ = run("show", "dead", "--stats", "--json")
    facts = json.loads(out)
    assert code == 0
    section = DOCS.read_text(encoding="utf-8").partition("## `--stats --json`")[2]
    described = set(re.findall(r"^\| `(\w+)` \|", section, re.M))
    found = set(facts)
    for name in ("locks", "awaited", "actors", "longest_waits"):
        assert facts[name], name
        found |= {member for one in facts[name] for member in one}
    found |= {member for one in facts["longest_waits"] for holder in one["holders"] for member in holder}
    assert found == described
    (pending, *_) = [one for one in facts["longest_waits"] if one["position"] is None]
    assert (pending["got"], pending["name"]) == (False, None)


def test_json_of_the_timelines(run: Run, traces: Path) -> None:
    """Stretches that follow each other per actor, holds with where they were taken; within the range that was asked for."""
    trace = Trace.load(traces / "a.simtrace")
    facts = json.loads(run("show", "a", "--timeline", "--json")[1])
    assert {one["actor"] for one in facts["stretches"]} == {"main", "main/1", "main/2"}
    assert {one["state"] for one in facts["stretches"]} <= {"runs", "sleeps", "waits"}
    facts = json.loads(run("show", "a", "--by-object", "--object", "balance_lock", "--range", "@50..@150", "--json")[1])
    assert facts["first_ns"] == trace.columns.at_ns[50]
    assert facts["holds"]
    for hold in facts["holds"]:
        event = trace.event(hold["position"])
        assert (event.object, event.actor, event.kind) == (hold["object"], hold["actor"], Kind.ACQUIRE)


def test_a_trace_that_was_cut_off_shows_what_it_has(run: Run, here: Path) -> None:
    """Every view says why there is no more; what was held stays held up to there."""
    path = build(3, 70_000, 1).save(here / "whole.simtrace")
    (here / "part.simtrace").write_bytes(path.read_bytes()[:-3000])
    for option in ("--timeline", "--by-object", "--stats"):
        code, out, _ = run("show", "part", option)
        assert code == 0
        assert out.splitlines()[1].startswith("CUT OFF: the file is cut off: ")
        assert "balance_lock" in out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--stats", "--timeline"], "--stats and --timeline are two answers, expected one of them"),
        (["--header", "--by-object"], "--header and --timeline are two answers, expected one of them"),
        (["--timeline", "--kind", "put"], "--kind chooses rows of the listing; --timeline takes --range, --actor, --object"),
        (["--stats", "--events"], "--events chooses rows of the listing; --stats takes --range, --actor, --object and --all"),
        (["--timeline", "--actor", "nix"], "the trace has no actor nix"),
        (["--stats", "--object", "nix"], "the trace has no object nix"),
    ],
)
def test_what_does_not_fit_together_is_refused(run: Run, traces: Path, arguments: list[str], error: str) -> None:
    """One line that says what was found, exit code 2."""
    code, out, err = run("show", "a", *arguments)
    assert (code, out) == (2, "")
    assert f"error: {error}" in err


def test_the_benchmark_runs() -> None:
    """`benchmarks/bench_show.py` prints its table; how long a view takes is nobody's test."""
    script = Path(__file__).parents[1] / "benchmarks" / "bench_show.py"
    done = subprocess.run([sys.executable, str(script), "300"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [line.split()[2] for line in done.stdout.splitlines()[2:]] == ["--timeline", "--by-object", "--stats"]


def test_a_recorded_deadlock_shows_who_waits_for_whom(run: Run, here: Path) -> None:
    """Of a real run: both waits never ended, each with who had the lock and where it took it."""
    lines = [
        "import threading",
        "first, second, meet = threading.Lock(), threading.Lock(), threading.Barrier(2)",
        "def take(one, other):",
        "    with one:",
        "        meet.wait()",
        "        with other: pass",
        "pairs = {'left': (first, second), 'right': (second, first)}",
        "threads = [threading.Thread(target=take, args=pair, name=name) for name, pair in pairs.items()]",
        "for thread in threads: thread.start()",
        "for thread in threads: thread.join()",
    ]
    (here / "cross.py").write_text("\n".join(lines) + "\n")
    assert simcore.record("./cross.py", quiet=True).outcome is Outcome.DEADLOCK
    text = run("show", "--timeline")[1]
    assert re.search(r"left still waits for second  cross.py:6\n +right had it, taken at @\d+ cross.py:4", text)
    assert re.search(r"right still waits for first  cross.py:6\n +left had it, taken at @\d+ cross.py:4", text)
    assert re.search(r"^F f `first` \(Lock, cross.py:2\)", text, re.M)
    assert re.search(r"^left .*(sF|Fs|s≈F)", text, re.M)
    assert re.search(r"^right .*(fS|Sf|f≈S)", text, re.M)
    text = run("show", "--by-object")[1]
    assert re.search(r"^first .*0$", text, re.M)
    assert re.search(r"^second .*1$", text, re.M)
    text = run("show", "--stats")[1]
    assert re.search(r"^first +1 +\d+%", text, re.M)


def test_recorded_processes_have_their_groups_and_shared_locks(run: Run, here: Path) -> None:
    """Of a real run of processes: the lock that they share is one, and waits end with who had it in another process."""
    simcore.record("process-lock", start_method="fork", params={}, quiet=True)
    text = run("show", "--timeline")[1]
    assert "`output_lock` (multiprocessing.Lock, process_lock.py:" in text
    assert len(re.findall(r"^printer-\d+ ", text, re.M)) == 10
    facts = json.loads(run("show", "--stats", "--json")[1])
    (lock,) = [one for one in facts["locks"] if one["label"] == "output_lock"]
    assert len(lock["actors"]) == 10
    assert lock["takes"] == 20
