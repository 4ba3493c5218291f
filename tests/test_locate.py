"""Names of events: what listings print can be pasted back, and what does not fit is answered with what would."""

import dataclasses

import pytest
from synthetic import build

from simcore.errors import UsageError
from simcore.trace.events import Kind, Outcome
from simcore.trace.locate import locate, name_of
from simcore.trace.model import ActorInfo, Ending, Site, Trace

TRACE = build(3, 400)
DEADLOCK = build(3, 400, outcome=Outcome.DEADLOCK)


def changed(trace: Trace = TRACE, **fields: object) -> Trace:
    """The trace with some fields replaced."""
    return dataclasses.replace(trace, **fields)  # type: ignore[arg-type]


def refused(trace: Trace, spec: str) -> tuple[str, str]:
    """The line and the hint with which `spec` is refused."""
    with pytest.raises(UsageError) as caught:
        locate(trace, spec)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return str(caught.value), caught.value.hint


def test_every_event_has_a_name_that_leads_back_to_it() -> None:
    """`name_of` and `locate` are each other's inverse, for events that are no steps too."""
    kinds = set()
    for position, event in enumerate(TRACE):
        name = name_of(TRACE, position)
        assert locate(TRACE, name) == position
        if event.kind in (Kind.WRITE, Kind.GC):
            assert name == f"@{position}"
        else:
            assert name == event.name
        kinds.add(event.kind)
    assert {Kind.WRITE, Kind.GC, Kind.ACQUIRE} <= kinds
    assert name_of(TRACE, -1) == name_of(TRACE, 399)
    with pytest.raises(IndexError):
        name_of(TRACE, 400)


def test_positions() -> None:
    """`@N` counts from 0; thousands may be separated as listings do."""
    assert locate(TRACE, "@0") == 0
    assert locate(TRACE, " @399 ") == 399
    assert locate(build(1, 1200), "@1,199") == 1199
    line, hint = refused(TRACE, "@400")
    assert line == "there is no event @400: the trace has 400 events, @0 to @399"
    assert name_of(TRACE, 399) in hint
    assert "the trace has none" in refused(Trace(TRACE.header), "@0")[0]


def test_steps_of_actors() -> None:
    """An actor goes by its path or by the name of its thread; a path comes before a thread name, and a double name is refused."""
    first = next(event.position for event in TRACE if event.actor == "main/1")
    assert locate(TRACE, "main/1:1") == locate(TRACE, "worker-1:1") == first
    assert locate(TRACE, "MainThread:1") == 0
    odd = changed(actors=[ActorInfo("main", "x:1"), ActorInfo("main/1", "main/2"), ActorInfo("main/2", "bank.py")])
    assert locate(odd, "main/2:1") == locate(TRACE, "main/2:1")
    assert locate(odd, "x:1:2") == locate(TRACE, "main:2")
    assert locate(odd, "bank.py:10") == locate(TRACE, "main/2:10")
    twins = changed(actors=[ActorInfo("main", ""), ActorInfo("main/1", "w"), ActorInfo("main/2", "w")])
    assert refused(twins, "w:3") == ("2 threads are named w: main/1, main/2", "use the path: main/1:3")


def test_steps_that_do_not_exist() -> None:
    """A step beyond the last, step 0 and an actor without steps are told with what there is."""
    last = max(event.step for event in TRACE if event.actor == "main/2")
    line, hint = refused(TRACE, f"main/2:{last + 1}")
    assert line == f"main/2 has no step {last + 1}: its steps are 1 to {last}"
    assert hint == f"the last one is main/2:{last}"
    refused(TRACE, "main/2:0")
    assert "no steps" in refused(changed(actors=[*TRACE.actors, ActorInfo("main/3", "")]), "main/3:1")[0]


def test_places_in_files() -> None:
    """`FILE:LINE` is the first event at that line, whether the file is given as it is, by its end, or from the root."""
    line = TRACE.event(50).site.line
    first = next(event.position for event in TRACE if event.site.line == line)
    assert locate(TRACE, f"bank.py:{line}") == first
    assert locate(TRACE, f"./bank.py:{line}") == first
    assert locate(TRACE, f"/home/user/bank/bank.py:{line}") == first
    deep = changed(sites=[site._replace(file=site.file and f"src/app/{site.file}") for site in TRACE.sites])
    for name in ("bank.py", "app/bank.py", "src/app/bank.py", "/home/user/bank/src/app/bank.py"):
        assert locate(deep, f"{name}:{line}") == first
    refused(deep, f"p/bank.py:{line}")


def test_places_that_do_not_exist() -> None:
    """A line without events is answered with the nearest that has some, a file of two folders with both."""
    line, hint = refused(TRACE, "bank.py:999")
    assert "no event of this trace is at bank.py:999; bank.py has events at 22, 23" in line
    assert locate(TRACE, hint.removeprefix("did you mean ").removesuffix(" ?")) >= 0
    files = ["a/bank.py", "b/bank.py"]
    two = changed(sites=[site._replace(file=site.file and files[n % 2]) for n, site in enumerate(TRACE.sites)])
    assert refused(two, "bank.py:22") == (
        "bank.py may be any of 2 files: a/bank.py, b/bank.py",
        "give more of the path: a/bank.py:22",
    )
    unused = changed(sites=[*TRACE.sites, Site("idle.py", 3, "f")])
    assert "no event of this trace is in idle.py" in refused(unused, "idle.py:3")[0]


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("banc.py:22", "did you mean bank.py:22 ?"),
        ("worker1:5", "did you mean worker-1:5 ?"),
        ("nobody:5", "its actors are main, main/1, main/2"),
        ("17", "did you mean @17 ?"),
        ("main/1", "name one of its steps: main/1:1"),
        ("falure", "did you mean failure ?"),
        ("main/1:", "`simcore show` lists the events"),
        ("main/1:x", "`simcore show` lists the events"),
        ("main/1:-1", "`simcore show` lists the events"),
        (":3", "its actors are"),
        ("", "`simcore show` lists the events"),
        ("@", "`simcore show` lists the positions"),
        ("@-1", "`simcore show` lists the positions"),
        ("@²", "`simcore show` lists the positions"),
        ("@" + "9" * 5000, "`simcore show` lists the positions"),
    ],
)
def test_what_names_no_event(spec: str, hint: str) -> None:
    """Anything else is refused with one line and a hint that leads on."""
    assert hint in refused(TRACE, spec)[1]


def test_the_deadlock_is_what_closed_the_cycle() -> None:
    """`deadlock` and `failure` are the last event of the actor that was the last to wait."""
    last = max(DEADLOCK.ending.deadlock, key=lambda link: (link.since_ns, link.actor)).actor
    expected = [event.position for event in DEADLOCK if event.actor == DEADLOCK.actors[last].name][-1]
    assert locate(DEADLOCK, "deadlock") == locate(DEADLOCK, "failure") == expected
    links = [link._replace(since_ns=link.since_ns + (link.actor == 0)) for link in DEADLOCK.ending.deadlock]
    later = changed(DEADLOCK, ending=dataclasses.replace(DEADLOCK.ending, deadlock=links))
    assert later.event(locate(later, "deadlock")).actor == "main"


def test_a_stall_fails_where_the_last_began_to_wait() -> None:
    """In a stalled run `failure` is the last event of who waits last; there is no `deadlock` in it."""
    pending = DEADLOCK.ending.pending[:1]
    stalled = changed(DEADLOCK, ending=Ending(Outcome.STALLED, pending=pending))
    assert stalled.event(locate(stalled, "failure")).actor == DEADLOCK.actors[pending[0].actor].name
    assert refused(stalled, "deadlock") == ("this trace has no deadlock: the run ended stalled", "did you mean failure ?")


def test_the_failure_is_in_the_function_that_failed() -> None:
    """`failure` is the last event of the failed thread in the function of the error; without such, its last before its end."""
    site = next(n for n, site in enumerate(TRACE.sites) if site.function == "deposit")
    ending = Ending(Outcome.FAILED, 1, "AssertionError", site)
    by_main = locate(changed(ending=ending), "failure")
    assert by_main == [e.position for e in TRACE if e.actor == "main" and e.site.function == "deposit"][-1]
    columns = dataclasses.replace(TRACE.columns, value=TRACE.columns.value[:])
    end = next(e.position for e in TRACE if e.actor == "main/2" and e.kind is Kind.END)
    columns.value[end] = 1
    by_thread = locate(changed(ending=ending, columns=columns), "failure")
    assert by_thread == [e.position for e in TRACE if e.actor == "main/2" and e.site.function == "deposit"][-1]
    elsewhere = locate(changed(ending=dataclasses.replace(ending, error_site=0), columns=columns), "failure")
    assert elsewhere == [e.position for e in TRACE if e.actor == "main/2" and e.kind is not Kind.END][-1]


def test_other_ends() -> None:
    """A killed run fails at its last event; one that ended well has no failure; one without events has none either."""
    assert locate(changed(ending=Ending(Outcome.KILLED)), "failure") == len(TRACE) - 1
    line, hint = refused(TRACE, "failure")
    assert line == "this trace has no failure: the run ended ok"
    assert "--until-failure" in hint
    refused(TRACE, "deadlock")
    assert "no event" in refused(Trace(TRACE.header, ending=Ending(Outcome.FAILED)), "failure")[0]
