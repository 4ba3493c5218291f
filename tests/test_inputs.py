"""What comes from outside is recorded and returned in replay: clocks, randomness, pids; what has no order of its own gets one."""

import pytest
from programs import assert_same, faithful, kinds, record, replay

from simcore.trace.events import Kind

CLOCKS = [
    "time.time()",
    "time.time_ns()",
    "time.monotonic()",
    "time.monotonic_ns()",
    "time.perf_counter()",
    "time.perf_counter_ns()",
    "time.process_time()",
    "time.process_time_ns()",
    "time.thread_time()",
    "time.thread_time_ns()",
    "time.clock_gettime(time.CLOCK_REALTIME)",
    "time.clock_gettime_ns(time.CLOCK_MONOTONIC)",
    "time.localtime()",
    "time.gmtime()",
    "time.localtime(None)",
    "time.ctime()",
    "time.asctime()",
    "time.strftime('%H:%M:%S')",
    "datetime.now()",
    "datetime.now(timezone.utc)",
    "datetime.now(tz=timezone(timedelta(hours=5)))",
    "datetime.today()",
    "date.today()",
    "datetime.utcnow()",
    "Mine.now(timezone.utc)",
    "Mine.today()",
]

PRELUDE = """
import time, warnings
from datetime import date, datetime, timedelta, timezone
warnings.simplefilter("ignore")
class Mine(datetime):
    def __new__(cls, *args, **kwargs): return super().__new__(cls, *args, **kwargs)
"""

CHANCE = {
    "random": """
        import random
        from random import random as drawn
        class Dice(random.Random):
            def seed(self, a=None, version=2): super().seed(a)
        own = random.Random()
        print(random.random(), random.getrandbits(70))
        print(random.choice(range(10**9)), random.sample(range(10**6), 3), random.gauss(0, 1))
        for seed in ((), (None,)): random.seed(*seed); print(drawn())
        print(own.random()); own.seed(); print(own.random()); print(random.SystemRandom().random()); print(Dice().random())
        """,
    "the operating system": """
        import os, secrets, tempfile, time, uuid
        from os import urandom
        from time import monotonic, time
        print(secrets.token_hex(8)); print(secrets.token_urlsafe(5)); print(secrets.randbelow(10**12))
        print(uuid.uuid1()); print(uuid.uuid4()); print(uuid.uuid1(clock_seq=5))
        print(os.urandom(9), os.urandom(0)); print(os.getrandom(5)); print(urandom(8)); print(time()); print(monotonic())
        with tempfile.TemporaryDirectory() as folder: print(folder)
        with tempfile.NamedTemporaryFile() as file: print(file.name)
        print(os.getpid())
        """,
}

SETTLED = """
    import threading
    from concurrent.futures import Future
    print({str(n) for n in range(50)}, hash("text"), {b"bytes": 1, "a": 2}, frozenset("abcdef"))
    print([thread.name for thread in {threading.Thread(name=str(n)) for n in range(50)}])
    futures = [Future() for _ in range(50)]; print([futures.index(future) for future in set(futures)])
    """


def test_clocks_say_what_they_said() -> None:
    """Every clock, to the last digit, in the main thread and in others; subclasses and time zones too."""
    source = PRELUDE + "import threading\ndef read():\n"
    source += "".join(f"    print({clock}, type({clock}).__name__)\n" for clock in CLOCKS)
    source += "read()\nt = threading.Thread(target=read); t.start(); t.join()\n"
    trace = faithful(source, replays=2)
    assert kinds(trace).count(Kind.CLOCK) == 4 * len(CLOCKS)


def test_a_moment_that_is_given_is_no_clock() -> None:
    """Only what asks for the current time is an input."""
    given = "time.localtime(5); time.ctime(5); time.strftime('%Y', time.gmtime(5)); datetime.fromtimestamp(5); date(1, 2, 3)"
    trace, _ = record(PRELUDE + given)
    assert Kind.CLOCK not in kinds(trace)


def test_clocks_agree_with_each_other() -> None:
    """What is recorded is the true time, in all its forms."""
    check = """
now = time.time()
for form in (
    time.time_ns() / 1e9, time.clock_gettime(time.CLOCK_REALTIME), datetime.now().timestamp(), datetime.today().timestamp(),
    time.mktime(time.localtime()), datetime.utcnow().replace(tzinfo=timezone.utc).timestamp(),
    Mine.now(timezone.utc).timestamp(), datetime.now(timezone(timedelta(hours=-7))).timestamp(),
):
    assert abs(form - now) < 60, form
assert abs(time.clock_gettime(time.CLOCK_MONOTONIC) - time.monotonic()) < 60
assert 0 <= time.process_time() < 60 and date.today() in (datetime.now().date(), datetime.fromtimestamp(now).date())
"""
    _, ran = record(PRELUDE + check)
    assert (ran.err, ran.code) == (b"", 0)


def test_sleeps_are_skipped_and_their_time_passes() -> None:
    """A replay does not wait, yet the clocks say that it did."""
    source = "import time\na = time.monotonic(); time.sleep(0.6); print(0.6 <= time.monotonic() - a < 20)"
    trace, ran = record(source)
    answer, again = replay(trace)
    assert_same(answer)
    assert ran.out == again.out == b"True\n"
    at_ns = answer.runs[0].trace.columns.at_ns
    sleep = kinds(trace).index(Kind.SLEEP)
    assert at_ns[sleep] - at_ns[sleep - 1] < 600_000_000 <= trace.columns.at_ns[sleep] - trace.columns.at_ns[sleep - 1]


def test_a_timetable_of_the_users_own_is_followed() -> None:
    """A loop that polls the clock takes as many turns as it took."""
    source = """
        import sched, time
        n, end = 0, time.perf_counter() + 0.01
        while time.perf_counter() < end: n += 1
        print(n)
        timetable = sched.scheduler(time.time, time.sleep)
        timetable.enter(0.005, 1, print, ("second",)); timetable.enter(0.001, 1, print, ("first",)); timetable.run()
        """
    faithful(source, replays=2)


@pytest.mark.parametrize("name", CHANCE)
def test_chance_falls_as_it_fell(name: str) -> None:
    """What nobody can foresee is the same in the replay; in another recording every line of it is another."""
    trace, ran = record(CHANCE[name])
    answer, again = replay(trace)
    assert_same(answer)
    assert again == ran
    _, other = record(CHANCE[name])
    lines, others = ran.out.splitlines(), other.out.splitlines()
    assert len(lines) == len(others) >= 8
    assert [line for line in lines if line in others] == []


def test_sets_have_an_order() -> None:
    """Sets of texts, threads and futures iterate alike in all recordings and replays."""
    trace, ran = record(SETTLED)
    assert replay(trace)[1] == record(SETTLED)[1] == ran
    assert ran.code == 0


def test_threads_draw_what_they_drew() -> None:
    """Generators of their own, the shared one, and bytes of the operating system."""
    source = """
        import os, random, threading, uuid
        lines = {}
        def work(n):
            own = random.Random()
            shared = [random.random() for _ in range(5)]
            lines[n] = [own.random(), os.urandom(3), uuid.uuid4(), shared, random.sample(range(9), 3)]
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        for n in range(4): print(lines[n])
        """
    faithful(source, replays=2)


def test_a_seed_makes_recordings_alike() -> None:
    """With `seed` the seeds that nobody gave derive from it and from the actor's name."""
    source = """
        import random, threading
        def draw(): print(random.Random().random())
        draw()
        thread = threading.Thread(target=draw); thread.start(); thread.join()
        """
    outputs = [record(source, seed=seed)[1].out for seed in (5, 5, 6)]
    assert outputs[0] == outputs[1] != outputs[2]


def test_a_program_signals_itself_by_the_pid_it_is_told() -> None:
    """In replay `os.getpid()` is the recorded one, and `os.kill` still reaches this process."""
    source = """
        import os, signal
        signal.signal(signal.SIGUSR1, lambda *_: print("arrived"))
        os.kill(os.getpid(), signal.SIGUSR1)
        print(os.getpid())
        """
    faithful(source, replays=2)
