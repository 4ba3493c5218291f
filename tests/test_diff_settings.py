"""Runs that were set up otherwise: what follows from the setting is told apart from what follows from the schedule."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
from programs import record
from rich.console import Console
from storyteller import critical, of, told

from simcore.diffing import Diff, diff
from simcore.diffing.causes import EITHER, SCHEDULE, SETTING
from simcore.diffing.result import Setting
from simcore.trace.events import Verdict
from simcore.trace.model import ProcessInfo, Trace
from simcore.views.diff import diff_view


def with_workers(workers: int, *lines: str) -> Trace:
    """A run with this parameter."""
    trace = told(*lines)
    return replace(trace, header=replace(trace.header, scenario=replace(trace.header.scenario, params={"workers": workers})))


def started(number: int) -> list[str]:
    """Main starts so many threads."""
    return [f"main start t{n} =main/{n}" for n in range(1, number + 1)]


def life(number: int, *inner: str) -> list[str]:
    """What a thread does from its begin to its end."""
    return [f"main/{number} begin t{number}", *(inner or critical(f"main/{number}")), f"main/{number} end t{number}"]


def joined(number: int) -> list[str]:
    """Main joins so many threads."""
    return [f"main join t{n}" for n in range(1, number + 1)]


def shown(d: Diff) -> str:
    """The screen in one line."""
    console = Console(file=io.StringIO(), width=80, color_system=None, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(diff_view(d))
    return " ".join(capture.get().split())


def causes(d: Diff) -> dict[str, str]:
    """What each change follows from."""
    return {one.name: one.cause for one in d.actors}


def test_an_actor_more_follows_from_the_setting() -> None:
    """One worker more: main starts it and it works; the order of what both runs do is the same."""
    a = with_workers(2, *started(2), *life(1), *life(2), *joined(2))
    b = with_workers(3, *started(3), *life(1), *life(2), *life(3), *joined(3))
    d = diff(a, b)
    assert d.settings == (Setting("parameter workers", "2", "3"),)
    assert causes(d) == {"main": SETTING, "main/1": "", "main/2": "", "main/3": SETTING}
    assert d.split is not None
    assert d.split == d.setting_split
    assert d.split.sentence == "in A main joins main/1, in B it starts main/3"
    assert d.verdict is Verdict.DIFFERENT
    text = shown(d)
    assert text.startswith("DIFFERENT SETTING, same order of what both do, same outcome ")
    assert "Set up otherwise: parameter workers 2 -> 3. From that alone main has 2 events more and main/3 is only in B." in text


def test_the_schedule_is_told_apart_from_the_setting() -> None:
    """One worker more, and the two that both runs have take the lock the other way round: two answers."""
    a = with_workers(2, *started(2), *life(1), *life(2), *joined(2))
    b = with_workers(3, *started(3), *life(2), *life(1), *life(3), *joined(3))
    d = diff(a, b)
    assert d.split is not None
    assert d.setting_split is not None
    assert (d.split.why, d.split.sentence) == (
        "order",
        "in A main/1 takes `lock` first (app.py:10), in B main/2 does (app.py:10)",
    )
    assert d.setting_split.sentence == "in A main joins main/1, in B it starts main/3"
    assert causes(d) == {"main": SETTING, "main/1": "", "main/2": "", "main/3": SETTING}
    assert of(d, "lock").reversed == 1
    text = shown(d)
    assert text.startswith("DIFFERENT ORDER, same outcome They part by the schedule at event ")
    assert "main/3 is only in B: in A main joins main/1, in B it starts main/3." in text


def test_what_the_schedule_has_reached_may_follow_from_either() -> None:
    """An actor that does something else after it met another order: nobody can tell why, and that is said."""
    extra = critical("main/2", "spare", 30)
    a = with_workers(2, *started(2), *life(1), *life(2), *joined(2))
    b = with_workers(3, *started(2), *life(2, *critical("main/2"), *extra), *life(1), *joined(2))
    d = diff(a, b)
    assert causes(d)["main/2"] == EITHER
    assert d.setting_split is None
    assert "Nothing follows from that alone. Of 1 actor it cannot be told" in shown(d)


def test_the_reach_of_a_reordering_passes_from_actor_to_actor() -> None:
    """Who met another order hands it on with what he does next: the join of a reordered thread reaches main."""
    more = critical("main", "after", 40)
    a = with_workers(2, *started(2), *life(1), *life(2), *joined(2))
    b = with_workers(3, *started(2), *life(2), *life(1), *joined(2), *more)
    assert causes(diff(a, b))["main"] == EITHER
    before = with_workers(3, *started(2), *more, *life(2), *life(1), *joined(2))
    assert causes(diff(a, before))["main"] == SETTING


def test_runs_that_were_set_up_alike_differ_by_their_schedule() -> None:
    """Without another setting there is nothing to tell apart."""
    a = told(*started(2), *life(1), *life(2))
    b = told(*started(2), *life(2, *critical("main/2"), *critical("main/2", "spare")), *life(1))
    d = diff(a, b)
    assert (d.settings, d.setting_split) == ((), None)
    assert causes(d) == {"main": "", "main/1": "", "main/2": SCHEDULE}
    assert "Set up otherwise" not in shown(d)


def test_a_line_that_only_one_setting_writes_is_no_other_order() -> None:
    """Who logs in one run only goes on with the same operations: the order is told first, then what was written."""
    log = "main/1 write stderr =INFO:starts\\n"
    one, two = critical("main/1"), critical("main/2")
    a = with_workers(2, *started(2), *life(1, log, *one), *life(2), *joined(2))
    d = diff(a, with_workers(3, *started(2), *life(2, *two), *life(1, *one), *joined(2)))
    assert d.split is not None
    assert d.split.why == "order"
    text = shown(d)
    assert text.startswith("DIFFERENT ORDER, same outcome, different output They part by the schedule at event ")
    assert 'A goes on with "INFO:starts" in stderr' in text

    d = diff(a, with_workers(3, *started(2), *life(1), *life(2), *critical("main", "after", 40), *joined(2)))
    assert d.split == d.setting_split
    assert shown(d).startswith("DIFFERENT SETTING, same order of what both do, same outcome, different output ")

    d = diff(a, with_workers(3, *started(2), *life(1), *life(2), *joined(2)))
    assert (d.order, d.verdict, d.split is not None and d.split.why) == (Verdict.SAME, Verdict.DIFFERENT, "output")
    assert shown(d).startswith("SAME ORDER, same outcome, different output ")


def shared_out(workers: int, takers: str, *extra: str) -> Trace:
    """Main puts an item for each of these workers, who take them in this order; the second one then does something more."""
    items = [f"main/{taker} get queue =main#{number}" for number, taker in enumerate(takers, 1)]
    begins = [f"main/{number} begin t{number}" for number in (1, 2)]
    ends = [f"main/{number} end t{number}" for number in (1, 2)]
    puts = [f"main put queue =main#{number}" for number in range(1, len(takers) + 1)]
    return with_workers(workers, *started(2), *puts, *begins, *items, *extra, *ends, *joined(2))


def test_which_worker_takes_which_item_is_order() -> None:
    """Another worker comes first, and one takes more than before: nothing of it follows from the setting."""
    d = diff(shared_out(2, "1212"), shared_out(3, "1112"))
    assert d.split is not None
    assert (d.split.why, d.split.sentence) == (
        "order",
        "in A main/2 gets from `queue` first, in B main/1 does",
    )
    assert (d.setting_split, causes(d)) == (None, {"main": "", "main/1": EITHER, "main/2": EITHER})
    text = shown(d)
    assert text.startswith("DIFFERENT ORDER, same outcome They part by the schedule at event ")
    assert "Nothing follows from that alone. Of 2 actors it cannot be told, for another order had reached them before" in text
    assert "hand-offs reversed, from @9 on" in text


def test_the_takes_of_a_worker_are_no_part_of_what_follows_from_the_setting() -> None:
    """What a worker did before it took anything follows from the setting; that it took something at all is order."""
    a = shared_out(2, "1111")
    takes = [f"main/{taker} get queue =main#{number}" for number, taker in enumerate("1212", 1)]
    puts = [f"main put queue =main#{number}" for number in range(1, 5)]
    begins = ["main/1 begin t1", "main/2 begin t2", *critical("main/2", "spare", 30)]
    d = diff(a, with_workers(3, *started(2), *puts, *begins, *takes, "main/1 end t1", "main/2 end t2", *joined(2)))
    assert causes(d) == {"main": "", "main/1": EITHER, "main/2": SETTING}
    (worker,) = [one for one in d.actors if one.name == "main/2"]
    assert (worker.only_b, worker.own_only_b) == (4, 2)
    assert d.split is not None
    assert d.split.why == "order"
    assert "From that alone main/2 has 2 events more: " in shown(d)


def test_items_more_for_one_worker_are_no_other_order() -> None:
    """Who takes what there is more of may follow from either, and is no other order."""
    for more in ("1211", "1112"):
        d = diff(shared_out(2, "12"), shared_out(3, more))
        assert d.split is not None
        assert (d.order, d.split.why, causes(d)["main/1"]) == (Verdict.DIFFERENT, "actor", EITHER)


def test_a_worker_that_was_stopped_may_be_so_by_the_schedule() -> None:
    """Started in both runs, in one it never came to begin: that is no certain consequence of the setting."""
    a = with_workers(2, *started(2), *life(1), *life(2), "main join t1")
    b = with_workers(3, *started(2), *life(1), "main join t1")
    d = diff(a, b)
    assert causes(d)["main/2"] == EITHER
    assert "Of 1 actor it cannot be told, for another order had reached it before or it was stopped." in shown(d)


def test_another_setting_may_change_nothing() -> None:
    """The same run with another parameter is the same, and the screen says what was set."""
    a, b = (with_workers(number, *started(1), *life(1)) for number in (2, 3))
    d = diff(a, b)
    assert d.verdict is Verdict.SAME
    assert "Set up otherwise: parameter workers 2 -> 3." in shown(d)


def test_a_process_that_was_killed_before_it_said_how_it_was_started_is_no_other_setting() -> None:
    """What is not known of one run is not what sets the two apart."""

    def with_methods(*methods: str) -> Trace:
        trace = told(*started(1), *life(1), *joined(1))
        processes = [ProcessInfo(f"main.{n}", n, method) for n, method in enumerate(methods, 1)]
        return replace(trace, ending=replace(trace.ending, processes=[ProcessInfo("main", 9), *processes]))

    assert diff(with_methods("fork", ""), with_methods("fork", "fork")).settings == ()
    assert diff(with_methods("fork", ""), with_methods("spawn", "spawn")).settings == (Setting("start method", "fork", "spawn"),)


POOL = """
    import multiprocessing

    def work(lock, queue, number):
        for turn in range(2):
            with lock:
                queue.put((number, turn))

    if __name__ == "__main__":
        lock, queue = multiprocessing.Lock(), multiprocessing.Queue()
        children = [multiprocessing.Process(target=work, args=(lock, queue, number)) for number in range(2)]
        for child in children:
            child.start()
        got = [queue.get() for _ in range(4)]
        for child in children:
            child.join()
        with multiprocessing.Pool(2) as pool:
            print(sorted(pool.map(abs, [1, -2, 3])), len(got))
"""

PAIRS = [pytest.param(("fork", "spawn")), pytest.param(("fork", "forkserver"), marks=pytest.mark.loop)]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_program_is_the_same_under_two_start_methods(pair: Sequence[str]) -> None:
    """Of a program with processes, a queue and a pool only the order differs: what the library does otherwise is left out."""
    traces = [record(POOL, start_method=method)[0].check() for method in pair]
    d = diff(*traces)
    assert d.settings == (Setting("start method", *pair),)
    assert d.compared == "spans"
    # Which worker of the pool gets which task is a matter of the schedule.
    others = [one for one in d.actors if one.name not in ("main.3", "main.4")]
    assert [(one.name, one.only_a, one.only_b) for one in others if one.only_a or one.only_b] == []
    assert d.same_output
    labels = {label for trace in traces for label in trace.object_labels}
    assert {"pool.inqueue", "pool.outqueue"} <= labels
    assert not [label for label in labels if label.startswith("pool#")]
