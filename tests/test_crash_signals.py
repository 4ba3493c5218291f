"""Signals to a controller reach the program that it records, once, and what the program makes of them is its own."""

import os
import signal
import subprocess
from contextlib import suppress

import pytest
from crashing import BORN, SIMCORE, Pipe, controller
from programs import written

import simcore
from simcore.engine.folder import TraceFolder
from simcore.trace.events import Outcome, Verdict
from simcore.trace.model import Trace

pytest_plugins = ["crash_fixtures"]


CLEANS_UP = (
    BORN
    + """
import signal, sys, time
times = 0
def handle(number, frame):
    global times
    times += 1
    raise SystemExit(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, handle)
try:
    os.write(born, b"ready\\n")
    while True:
        time.sleep(10)
finally:
    time.sleep(0.7)
    print("cleaned up after", times)
"""
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to_all", [False, True], ids=["controller", "group"])
def test_a_signal_reaches_the_program_once(born: Pipe, number: signal.Signals, to_all: bool) -> None:
    """Sent to the controller alone it is passed on, sent to the group it is not: the program cleans up undisturbed."""
    with controller(written(CLEANS_UP)) as process:
        born.line()
        assert born.line() == "ready"
        if to_all:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        out, err = process.communicate()
    assert out == "cleaned up after 1\n"
    assert process.returncode == 7
    assert "Traceback" not in err
    trace = Trace.load(TraceFolder().latest())
    assert (trace.outcome, trace.ending.exit_code, trace.ending.cut_off) == (Outcome.FAILED, 7, "")


def test_ctrl_c_of_a_program_that_expects_none(born: Pipe) -> None:
    """It ends by KeyboardInterrupt as it does alone, with code 130; the trace is whole and replays."""
    path = written(BORN + 'import threading\nos.write(born, b"ready\\n")\nthreading.Event().wait()\n')
    with controller(path) as process:
        born.line()
        born.line()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.count("KeyboardInterrupt\n") == 1
    trace = Trace.load(TraceFolder().latest())
    assert (trace.outcome, trace.ending.exit_code, trace.ending.cut_off) == (Outcome.KILLED, -signal.SIGINT, "")
    assert simcore.replay(trace).verdict is Verdict.SAME


def test_the_third_ctrl_c_ends_a_program_that_does_not_obey(born: Pipe) -> None:
    """With all that it has started, and still with a trace."""
    path = written(
        BORN
        + """
import signal, subprocess, time
signal.signal(signal.SIGINT, lambda *_: os.write(born, b"no\\n"))
subprocess.Popen(["sleep", "1000"])
os.write(born, b"ready\\n")
while True:
    time.sleep(10)
"""
    )
    with controller(path) as process:
        born.line()
        assert born.line() == "ready"
        while process.poll() is None:  # two at one moment are one
            os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):  # not while it cleans up: a fourth would interrupt that
                process.wait(timeout=3.0)
        process.communicate()
    assert process.returncode == 128 + signal.SIGKILL
    assert Trace.load(TraceFolder().latest()).outcome is Outcome.KILLED


def test_a_signal_that_is_ignored_stays_ignored(born: Pipe) -> None:
    """As under nohup: neither the controller nor the program ends."""
    go = Pipe("go")
    path = written(BORN + 'os.read(os.open("go", os.O_RDONLY), 1)\nprint("unharmed")\n')
    words = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *SIMCORE, "record", path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        born.line()
        os.killpg(process.pid, signal.SIGHUP)
        go.write("x")
        out, _ = process.communicate()
    assert (out, process.returncode) == ("unharmed\n", 0)
    go.close()
