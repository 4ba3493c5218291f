"""`replay --pdb EVENT` stops everyone at an event and opens the debugger in the actor at hand."""

import re
import subprocess
import sys
from pathlib import Path

import simcore
from simcore.trace.events import Kind

PROGRAM = """
from threading import Lock, Thread

lock = Lock()


def work(number):
    for step in range(3):
        with lock:
            print(number, step)


threads = [Thread(target=work, args=(number,)) for number in (1, 2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def debug(event: str, commands: str) -> subprocess.CompletedProcess[str]:
    """Replay up to an event and give the debugger these commands."""
    words = [sys.executable, "-m", "simcore.cli", "replay", "it.simtrace", "--pdb", event, "--no-color"]
    return subprocess.run(words, input=commands, capture_output=True, text=True, timeout=120)


def test_the_debugger_opens_before_the_operation() -> None:
    """In the frame that is about to take the lock, with its variables at hand; then the replay goes on to the same end."""
    Path("program.py").write_text(PROGRAM)
    trace = simcore.record("./program.py", output="it.simtrace", quiet=True)
    takes = [event for event in trace.of_actor("main/2") if event.kind is Kind.ACQUIRE]
    done = debug(takes[1].name, "p number, step\nc\n")
    assert "(simcore main/2)" in done.stderr
    assert "(2, 1)" in done.stderr
    assert "program.py" in done.stderr
    assert "replayed 1 of 1" in done.stdout
    assert done.returncode == 0


def test_one_steps_on_from_there_while_all_others_wait() -> None:
    """`next` does the operation; nobody else moves before it."""
    Path("program.py").write_text(PROGRAM)
    trace = simcore.record("./program.py", output="it.simtrace", quiet=True)
    first = next(event for event in trace.of_actor("main/1") if event.kind is Kind.ACQUIRE)
    done = debug(f"@{first.position}", "n\nn\np 'here', number, step\nc\n")
    assert "('here', 1, 0)" in done.stderr
    assert re.search(r"-> print\(number, step\)", done.stderr)
    assert "replayed 1 of 1" in done.stdout
