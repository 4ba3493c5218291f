"""Questions and answers over a pipe between processes, and what becomes of them when two ask at one end."""

import sys
from multiprocessing import Event, Lock, Pipe, Process
from typing import Any, Literal

from simcore.api import pattern


def ask(end: Any, number: int, turn_lock: Any, sent: Any, taken: Any) -> None:
    """Send a number and receive its square; ends with 1 where something else comes."""
    if turn_lock is not None:
        with turn_lock:
            end.send(number)
            answer = end.recv()
    elif number == 2:  # the first to ask, and the last to look for his answer
        end.send(number)
        sent.set()
        taken.wait()
        answer = end.recv()
    else:
        sent.wait()
        end.send(number)
        answer = end.recv()
        taken.set()
    print(f"asked for the square of {number}, got {answer}\n", end="", flush=True)
    sys.exit(answer != number * number)


@pattern(
    section="2-3-2",
    title="a Pipe used both ways, by one or by two at an end",
    title_ja="パイプ（Pipe）",
    expect=lambda writers, fixed: {"failed"} if writers == 2 and not fixed else {"ok"},
    start_methods=["fork", "spawn", "forkserver"],
)
def process_pipe(writers: Literal[1, 2] = 1, fixed: bool = False) -> None:
    """A Pipe has two ends; what is sent at one is received at the other, in that order.

    Look at the messages: each `recv` waits for the `send` at the other end. With writers=2 two processes share an end. What they
    send comes out in the order of the sends, and nothing says whose it was; an answer goes to whoever receives first, and here
    each gets the other's. A message of up to 16 KiB is one write and comes whole; a longer one takes several, and another
    writer's bytes may come in between: the stream is damaged then. With `fixed` a lock makes question and answer one step; a pipe
    for each would do as well.
    """
    ours, theirs = Pipe()
    turn_lock = Lock() if fixed or writers == 1 else None
    sent, taken = Event(), Event()
    askers = [
        Process(target=ask, args=(theirs, number, turn_lock, sent, taken), name=f"asker-of-{number}")
        for number in range(2, 2 + writers)
    ]
    for asker in askers:
        asker.start()
    for _ in askers:
        ours.send(ours.recv() ** 2)
    for asker in askers:
        asker.join()
    wrong = [asker.name for asker in askers if asker.exitcode]
    assert not wrong, f"these got another's answer: {', '.join(wrong)}"
