"""Spans: what the programmer wrote, around the events it is made of."""

from programs import faithful, record, replay

from simcore.trace.events import Kind
from simcore.trace.model import Trace


def spans(trace: Trace) -> list[tuple[str, str, str]]:
    """Actor, operation, object of every span that held an event."""
    return [(trace.actors[span.actor].name, span.operation, trace.object_labels[span.object]) for span in trace.spans]


def test_spans_name_what_was_called() -> None:
    """One span per call, under the name of its class, the object under the program's own name."""
    trace, _ = record("""
        import queue, threading
        jobs, ready, seats, start = queue.Queue(), threading.Event(), threading.Semaphore(1), threading.Barrier(1)
        wakeup = threading.Condition()
        jobs.put(1); jobs.get(); jobs.task_done(); jobs.join(); jobs.qsize()
        ready.set(); ready.wait(); ready.clear()
        with seats: pass
        start.wait()
        with wakeup: wakeup.notify_all(); wakeup.wait(0.001)
        """)
    assert spans(trace) == [
        ("main", "Queue.put", "jobs"),
        ("main", "Queue.get", "jobs"),
        ("main", "Queue.task_done", "jobs"),
        ("main", "Queue.join", "jobs"),
        ("main", "Queue.qsize", "jobs"),
        ("main", "Event.set", "ready"),
        ("main", "Event.wait", "ready"),
        ("main", "Event.clear", "ready"),
        ("main", "Semaphore.acquire", "seats"),
        ("main", "Semaphore.release", "seats"),
        ("main", "Barrier.wait", "start"),
        ("main", "Condition.wait", "wakeup"),
    ]


def test_an_object_that_the_library_hands_on_goes_by_the_programs_name() -> None:
    """`threading.RLock` is a function, `BoundedSemaphore` calls its base: what they make is no part of something else."""
    trace, _ = record("""
        import threading
        class Account:
            def __init__(self):
                self.account_lock = threading.RLock()
        account = Account()
        seats = threading.BoundedSemaphore(2)
        wakeup = threading.Condition()
        with account.account_lock, seats, wakeup: pass
        """)
    taken = {trace.object_labels[o] for o, k in zip(trace.columns.object, trace.columns.kind, strict=True) if k == Kind.ACQUIRE}
    assert taken == {"account_lock", "seats.cond", "wakeup.lock"}
    assert ("main", "Semaphore.acquire", "seats") in spans(trace)


def test_only_the_outermost_call_is_a_span() -> None:
    """`Barrier.wait` holds the `Condition.wait` inside it, `Future.result` what it waits on."""
    trace, _ = record("""
        import threading
        from concurrent.futures import ThreadPoolExecutor
        start = threading.Barrier(2)
        thread = threading.Thread(target=start.wait); thread.start(); start.wait(); thread.join()
        with ThreadPoolExecutor(1) as pool: pool.submit(abs, -1).result()
        """)
    operations = {operation for actor, operation, _ in spans(trace) if actor in ("main", "main/1")}
    assert operations == {"Barrier.wait", "Executor.submit", "Future.result", "Executor.shutdown"}


def test_a_span_holds_its_events_and_no_others() -> None:
    """First and last position are events of its actor, and all its actor did meanwhile lies between."""
    trace = faithful("""
        import queue, threading
        jobs = queue.Queue(2)
        def put():
            for n in range(20): jobs.put(n)
        def get():
            for n in range(20): jobs.get()
        threads = [threading.Thread(target=f) for f in (put, get, put, get)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """)
    assert {span.operation for span in trace.spans} == {"Queue.put", "Queue.get"}
    assert len(trace.spans) == 80
    last: dict[int, int] = {}
    for span in trace.spans:
        actor = trace.actors[span.actor].name
        inside = [trace.event(position) for position in range(span.first, span.last + 1)]
        own = [event for event in inside if event.actor == actor]
        assert (inside[0].actor, inside[-1].actor) == (actor, actor)
        assert (own[0].kind, own[-1].kind) == (Kind.ACQUIRE, Kind.RELEASE)
        assert span.first > last.get(span.actor, -1)
        last[span.actor] = span.last


def test_a_call_that_raises_is_a_span_that_ends() -> None:
    """What comes behind it is not in it."""
    trace, _ = record("""
        import queue, threading
        jobs, lock = queue.Queue(), threading.Lock()
        try: jobs.get_nowait()
        except queue.Empty: pass
        with lock: pass
        """)
    ((_, operation, _),) = spans(trace)
    assert operation == "Queue.get"
    assert trace.spans[0].last < next(event.position for event in trace if event.object == "main:lock2")


def test_replays_have_the_same_spans() -> None:
    """They are part of the trace that a replay records."""
    trace, _ = record("""
        import queue, threading
        jobs = queue.Queue(1)
        thread = threading.Thread(target=lambda: [jobs.put(n) for n in range(30)]); thread.start()
        for n in range(30): jobs.get()
        thread.join()
        """)
    answer, _ = replay(trace)
    assert spans(answer.runs[0].trace) == spans(trace)
