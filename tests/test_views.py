"""What the views put into words: summaries, deadlocks, divergences, patterns and plugins."""

from __future__ import annotations

import re

import pytest
from pictures import CONTENDED, LOCK, THREADS, leak, rendered, small
from synthetic import build, header

from simcore.engine.plugins import PluginHost
from simcore.errors import Divergence
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Ending, Pending, process_of
from simcore.trace.text import clean, count, duration, join, shorten, size
from simcore.trace.words import Words
from simcore.views.deadlock import deadlock_facts, deadlock_view, pending_view
from simcore.views.divergence import divergence_facts, divergence_view
from simcore.views.figures import traffic
from simcore.views.listing import info_view, listing_facts, listing_view
from simcore.views.plugins import plugin_facts, plugin_view, plugins_view
from simcore.views.summary import summary_facts, summary_view


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (45_000, "45 us"),
        (5_100_000, "5.1 ms"),
        (99_900_000, "99.9 ms"),
        (210_000_000, "0.21 s"),
        (12_340_000_000, "12.3 s"),
        (4_000_000_000_000, "4,000 s"),
        (-45_000, "-45 us"),
    ],
)
def test_duration_takes_the_unit_that_fits(ns: int, text: str) -> None:
    """A time is short to read whatever its size."""
    assert duration(ns) == text


def test_small_words() -> None:
    """Sizes, numbers with nouns, lists and shortened texts read as a person writes them."""
    assert [size(812), size(3_100), size(1_200_000), size(5_000_000_000)] == ["812 B", "3.1 KB", "1.2 MB", "5.0 GB"]
    assert [count(1, "event"), count(1208, "event"), count(2, "process", "processes")] == [
        "1 event",
        "1,208 events",
        "2 processes",
    ]
    assert [join([]), join(["a"]), join(["a", "b", "c"]), join(["a", "b"], "or")] == ["", "a", "a, b and c", "a or b"]
    assert shorten("a" * 100, 20) == "a" * 11 + "..." + "a" * 6
    assert shorten("short", 20) == "short"


@pytest.mark.parametrize(
    ("actor", "process"),
    [
        ("main", "main"),
        ("main/2", "main"),
        ("main/2/1", "main"),
        ("main.1", "main.1"),
        ("main.1/3", "main.1"),
        ("main/2.1/4", "main/2.1"),
    ],
)
def test_the_process_of_an_actor_is_its_path_without_threads(actor: str, process: str) -> None:
    """`main/2.1` is a process that the thread `main/2` created."""
    assert process_of(actor) == process


def test_clean_leaves_nothing_that_a_terminal_obeys() -> None:
    """Escape sequences, bells, lone surrogates and direction overrides are shown, not sent."""
    assert clean("plain `näme`") == "plain `näme`"
    assert clean("\x1b[2Ja\x07\udc80\u202e\n") == "\\x1b[2Ja\\x07\\udc80\\u202e\\n"


def test_every_kind_of_event_has_a_phrase_whatever_its_value() -> None:
    """A damaged or foreign value is put into words as well as it goes; each phrase is one printable line."""
    values = [0, 1, -1, -2, 7, 2**63 - 1, -(2**63), 1 << 32 | 5, 400 << 32]
    events = [(0, kind, thing, value, 1, 0) for kind in Kind for thing in (0, 1, 5, LOCK, THREADS + 1) for value in values]
    trace = small(*events)
    words = Words(trace)
    for position in range(len(trace)):
        phrase = words.event(position)
        assert phrase
        assert phrase.isprintable()


def test_what_events_did_is_said_in_words() -> None:
    """Results are words: took, not free, gave up, empty."""
    trace = small(
        (0, Kind.START, THREADS + 1, 1, 1, 0),
        (1, Kind.ACQUIRE, LOCK, 1, 60, 45),
        (2, Kind.ACQUIRE, LOCK, 0, 61, 0),
        (2, Kind.ACQUIRE, LOCK, -1, 5000, 4000),
        (1, Kind.WRITE, 1, 0, 70, 0),
        (1, Kind.SLEEP, 14, 20_000_000, 80, 0),
        (0, Kind.JOIN, THREADS + 1, 1, 90, 12),
        (0, Kind.IS_ALIVE, THREADS + 1, 0, 91, 0),
        (0, Kind.SIGNAL, 14, 15, 92, 0),
    )
    words = Words(trace)
    assert [words.event(position) for position in range(len(trace))] == [
        'started main/1 "producer"',
        "took stock after 45 us",
        "found stock not free",
        "gave up on stock after 4.0 ms",
        'stdout: "hello\\n"',
        "slept 20.0 ms",
        "joined producer after 12 us",
        "found producer not alive",
        "handled SIGTERM",
    ]


def test_hand_offs_count_changes_of_hands_only() -> None:
    """Taking a lock again is no hand-off, a failed try is none, and the longest wait names who was waited for."""
    trace = small(
        (1, Kind.ACQUIRE, LOCK, 1, 1, 0),
        (1, Kind.RELEASE, LOCK, 0, 2, 0),
        (1, Kind.ACQUIRE, LOCK, 1, 3, 0),
        (2, Kind.ACQUIRE, LOCK, 0, 4, 0),
        (1, Kind.RELEASE, LOCK, 0, 5, 0),
        (2, Kind.ACQUIRE, LOCK, 1, 6, 3),
        (2, Kind.RELEASE, LOCK, 0, 7, 0),
        (1, Kind.ACQUIRE, LOCK, 1, 8, 1),
    )
    (one,) = traffic(trace)
    assert (one.object, one.hand_offs, one.longest_wait_ns, one.waiter, one.behind) == (LOCK, 2, 3000, 2, 1)


def test_a_signal_handler_is_no_thread() -> None:
    """What it does has a name of its own among the actors, but runs on the thread that it interrupts."""
    trace = build(3, 100, 1)
    trace.actors[2] = trace.actors[2]._replace(name="main!SIGINT")
    assert "  2 threads in 1 process   100 events" in rendered(summary_view(trace)).splitlines()


def test_commands_that_take_more_than_a_line_stand_on_a_line_each() -> None:
    """No command is broken within 80 columns."""
    commands = ["simcore replay a/long/path/to.simtrace --pdb failure", "simcore show a/long/path/to.simtrace --timeline"]
    lines = rendered(summary_view(build(3, 1208, 1), next_commands=commands)).splitlines()
    assert lines[-2:] == [f"  next:  {commands[0]}", f"         {commands[1]}"]


def test_the_summary_says_the_answer_first() -> None:
    """Outcome and time in the first line, then threads, hand-offs of the busiest lock, the longest wait, what to type next."""
    trace = build(3, 1208, 1)
    text = rendered(summary_view(trace, prefix="simcore: ", next_commands=["simcore replay"]))
    lines = text.splitlines()
    assert re.fullmatch(r"simcore: synthetic  ok in \d+\.\d ms", lines[0])
    assert lines[1] == "  3 threads in 1 process   1,208 events"
    assert re.fullmatch(r"  \d+ hand-offs of `(balance|log)_lock` \(Lock, bank.py:1\d\)", lines[2])
    assert re.fullmatch(r"  longest wait \S+ us: \S+ behind \S+", lines[3])
    assert lines[4:] == ["  NOT CONTROLLED: 1 socket (:5432)", "  next:  simcore replay"]
    facts = summary_facts(trace)
    assert (facts["outcome"], facts["as_expected"], facts["events"], facts["trace"]) == ("ok", True, 1208, None)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (
            Ending(Outcome.FAILED, 1, "AssertionError: open == 0", 1, 2_000_000),
            ["FAILED after 2.0 ms", "AssertionError: open == 0  at buf.py:18 in put"],
        ),
        (Ending(Outcome.FAILED, 3, duration_ns=2_000_000), ["FAILED with exit code 3 after 2.0 ms"]),
        (
            Ending(Outcome.KILLED, -9, cut_off="the process was killed"),
            ["KILLED by SIGKILL after 0 ns", "CUT OFF: the process was killed"],
        ),
        (Ending(Outcome.TIMEOUT, -15, duration_ns=10**9), ["TIMEOUT after 1.00 s"]),
    ],
)
def test_the_summary_of_a_run_that_did_not_end_well(ending: Ending, words: list[str]) -> None:
    """It says how it ended, why and where, and that this was not expected."""
    text = rendered(summary_view(small((0, Kind.EXIT, 14, 1, 1, 0), ending=ending)))
    for word in words:
        assert word in text


def test_an_outcome_is_held_against_what_was_expected() -> None:
    """Only a scenario that expects more than success says so."""
    deadlock = Ending(Outcome.DEADLOCK, -9)
    for expect, ending, words in (
        (("ok",), Ending(), "  ok in 0 ns"),
        (("deadlock",), Ending(), "  ok in 0 ns  (expected: deadlock)"),
        (("deadlock", "ok"), deadlock, "  DEADLOCK after 0 ns  as expected"),
    ):
        text = rendered(summary_view(small(ending=ending, header=header("leak", expect=expect))))
        assert text.splitlines()[0] == f"leak{words}"


def test_a_deadlock_names_who_waits_for_what_and_who_holds_it() -> None:
    """Owner, depth, the places where it was taken and released, that the owner has ended, the line that waits."""
    assert rendered(summary_view(leak(), prefix="simcore: ")).splitlines() == [
        "simcore: recursive-mutex-leak  DEADLOCK after 40.0 ms  as expected",
        "  3 threads in 1 process   2 events",
        "",
        '  main/2 "teller-2"  waits for `account_lock` (RLock, bank.py:12)',
        "                     since bank.py:27 in add:  with self.account_lock:",
        '  `account_lock`     is held by main/1 "teller-1", which has ENDED',
        "                     taken 3 deep, at bank.py:34, bank.py:27 and bank.py:30",
        "                     released once, at bank.py:37",
        '  main               waits for main/2 "teller-2" to end',
        "                     since bank.py:45 in main",
    ]
    (first, second) = deadlock_facts(leak())
    assert (first["label"], first["owner"], first["owner_ended"], first["released"]) == (
        "account_lock",
        "main/1",
        True,
        ["bank.py:37"],
    )
    assert second["waits_to"] == "join teller-2"


def test_a_lock_taken_many_times_does_not_fill_the_screen() -> None:
    """Of many places the first ones and the last are shown, and how many there were."""
    trace = leak()
    trace.ending.deadlock[0] = trace.ending.deadlock[0]._replace(taken=(2,) * 500 + (4,), released=())
    text = " ".join(rendered(deadlock_view(trace)).split())
    waits = ", ".join(["bank.py:27"] * 4)
    assert f"taken 501 times, at {waits}, ..., bank.py:30; never released" in text


def test_what_was_still_waiting_when_a_run_stalled() -> None:
    """Each operation that never completed, for how long and where."""
    pending = [Pending(1, Kind.GET, LOCK, 3, 1_000_000, False), Pending(2, Kind.ACQUIRE, LOCK, 1, 2_000_000, True)]
    trace = small(ending=Ending(Outcome.STALLED, None, duration_ns=3_000_000, pending=pending))
    assert rendered(pending_view(trace)).splitlines() == [
        '  main/1 "producer"  waited to get from stock for 2.0 ms',
        "                     at buf.py:30 in get",
        '  main/2 "consumer"  waited to take stock (with a timeout) for 1.0 ms',
        "                     at buf.py:18 in put",
    ]


def test_a_divergence_says_what_was_expected_and_what_came() -> None:
    """Both sides, the reason, the events before it with names to paste back, and what to type next."""
    trace = small(*CONTENDED)
    divergence = Divergence(
        "main/2",
        1,
        4,
        "acquire of stock at buf.py:30 in get",
        "release of stock at buf.py:31 in get",
        "buf.py changed since the recording",
    )
    assert rendered(divergence_view(trace, divergence, 4)).splitlines() == [
        "DIVERGED at main/2:1 (event @4)",
        "  the trace has  acquire of stock at buf.py:30 in get",
        "  the run did    release of stock at buf.py:31 in get",
        "                 (buf.py changed since the recording)",
        "  before it      @1 main:1 read time.monotonic: 0.000000  buf.py:30",
        "                 @2 main/1:2 slept 1 us  buf.py:18",
        "                 @3 main/1:3 released stock  buf.py:22",
        "  4 of 6 events were the same.",
        "  next:  simcore show --range @0..@5",
    ]
    assert divergence_facts(divergence)["position"] == 4


def test_a_divergence_past_the_end_shows_the_end() -> None:
    """A run that did more than the trace has: the last events, and where to stop the actor before it."""
    trace = small(*CONTENDED)
    text = rendered(divergence_view(trace, Divergence("main/2", 3, None, "nothing", "took stock"), 6))
    assert "DIVERGED at main/2:3 (past its end)" in text
    assert "@5 main/2:2 released stock" in text
    assert "next:  simcore replay --pdb main/2:2" in text


PLUGIN = '''
from simcore.api import hookimpl, pattern

@pattern(section="{section}", title="{name} shows something")
def {function}(seats: int = 5, pause_s: float = 0.01, fixed: bool = False):
    """{name} shows something.

    Look at the lanes
    of both.

    - kept as
    - it is
    """
'''


def host_of(tmp_path, **sources: str) -> PluginHost:
    """A plugin host of these single files and nothing else."""
    files = []
    for name, source in sources.items():
        files.append(tmp_path / f"{name}.py")
        files[-1].write_text(source)
    return PluginHost(files, env=False, entry_points=False)


def test_patterns_are_listed_by_chapter(tmp_path) -> None:
    """Numbered sections in the order of their numbers, the others behind them by name; broken plugins are named."""
    made = {
        name: PLUGIN.format(section=section, name=name, function=name)
        for name, section in (("late", "beyond"), ("ten", "1-6-10"), ("two", "1-6-2"), ("fork", "2-1"), ("own", "4-1"))
    }
    host = host_of(tmp_path, bad="1 / 0\n", **made)
    lines = rendered(listing_view(host), width=140).splitlines()
    heads = [line for line in lines[: lines.index("")] if not line.startswith(" ")]
    names = [line.split()[0] for line in lines[: lines.index("")] if line.startswith(" ")]
    assert heads == ["1 threading", "2 multiprocessing", "4", "beyond"]
    assert names == ["two", "ten", "fork", "own", "late"]
    assert "two shows something" in lines[1]
    assert "bad does not work in full: `simcore plugins` says why." in lines
    assert listing_facts(host)["broken_plugins"] == ["bad"]


def test_info_teaches_a_pattern(tmp_path) -> None:
    """The lesson in paragraphs, every parameter with type and default, what to type."""
    host = host_of(tmp_path, dine=PLUGIN.format(section="beyond", name="dine", function="dine"))
    text = rendered(info_view(host, host.find("dine")), width=200)
    assert "dine  dine shows something" in text
    assert "  Look at the lanes of both." in text
    assert "  - kept as\n  - it is" in text
    assert re.search(r"^seats +int +5$", text, re.M)
    assert re.search(r"^fixed +bool +false$", text, re.M)
    assert re.search(r"^next +simcore record dine --plugin \S+dine.py -p seats=5$", text, re.M)


def test_plugins_are_shown_with_their_state(tmp_path) -> None:
    """A broken one with file and line, the traceback when it is looked at by itself; the others work."""
    host = host_of(tmp_path, bad="x = 1\n1 / 0\n", good=PLUGIN.format(section="1", name="good", function="good"))
    text = rendered(plugins_view(host.plugins), width=200)
    assert re.search(r"^broken +bad +0 patterns", text, re.M)
    assert re.search(r"^ok +good +pattern", text, re.M)
    assert "bad.py:2) does not import: ZeroDivisionError" in text
    assert "2 plugins, 1 pattern; 1 with problems" in text
    bad = host.find_plugin("bad")
    assert "Traceback (most recent call last):" in rendered(plugin_view(bad), width=200)
    assert plugin_facts(bad)["state"] == "broken"


PROBES = """
from simcore.api import hookimpl, probe


@probe(title="depth")
def depth():
    return 1


@hookimpl
def simcore_probes():
    return [depth]
"""


def test_a_plugin_of_probes_says_how_many(tmp_path) -> None:
    """What it contributes is counted, patterns and probes apart; one that does not work costs no other."""
    both = PLUGIN.format(section="1", name="both", function="both") + PROBES.replace('"depth"', '"width"')
    host = host_of(tmp_path, asks=PROBES, both=both, some=PROBES.replace('"depth"', '"height"').replace("[depth]", "[depth, 1]"))
    text = rendered(plugins_view(host.plugins), width=200)
    assert re.search(r"^ok +asks +1 probe +", text, re.M)
    assert re.search(r"^ok +both +pattern and 1 probe +", text, re.M)
    assert re.search(r"^warning +some +1 probe +", text, re.M)
    assert "3 plugins, 1 pattern, 3 probes; 1 with problems" in text
    assert plugin_facts(host.find_plugin("asks"))["probes"] == ["depth"]


def test_without_a_plugin_the_lists_say_what_to_do() -> None:
    """An empty host is no empty screen."""
    host = PluginHost(env=False, entry_points=False)
    assert rendered(listing_view(host)) == "no patterns"
    assert rendered(plugins_view(host.plugins, "install some")) == "no plugins: install some"
