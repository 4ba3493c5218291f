"""Children that draw from a generator of their parent's, and all draw the same."""

import multiprocessing
import random
from typing import Any

from simcore.api import pattern

dice = random.Random()
"""A generator at module level: forked children have copies of it, in the state in which it was."""


def draw(sender: Any, draws: int, fixed: bool) -> None:
    """Draw some numbers and send them home."""
    if fixed:
        dice.seed()  # from the system's randomness, in this process
    sender.send([dice.randrange(1_000_000) for _ in range(draws)])
    sender.close()


@pattern(
    section="beyond",
    title="forked children draw the same random numbers",
    title_ja="fork後の乱数",
    expect=lambda fixed, start_method: {"ok"} if fixed or start_method != "fork" else {"failed"},
    start_methods=["fork", "spawn", "forkserver"],
)
def rng_after_fork(workers: int = 3, draws: int = 4, fixed: bool = False) -> None:
    """A random generator is memory like any other, and `fork` copies it: the children go on from one and the same state.

    Look at the seeds in the trace, and at what the players print: under fork no child seeds `dice`, and all print the same. What
    Python does seed anew in a forked child is the generator behind `random.random()`, not one that you made, nor numpy's old
    global one. Under spawn and forkserver each child imports the module, and its generator starts from a seed of its own. With
    `fixed` every child seeds its copy; a seed made of one for all and the child's number would make the run repeatable, too.
    """
    assert min(workers - 1, draws) > 0, "one alone draws what nobody else does"
    receivers, children = [], []
    for number in range(workers):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.Process(target=draw, args=(sender, draws, fixed), name=f"player-{number + 1}")
        child.start()
        sender.close()
        receivers.append(receiver)
        children.append(child)
    drawn = [receiver.recv() for receiver in receivers]
    for child in children:
        child.join()
    for number, numbers in enumerate(drawn, 1):
        print(f"player-{number} drew {numbers}")
    assert len(set(map(tuple, drawn))) == workers, "some children drew the same numbers"
