"""One child process: started, waited for, and asked how it ended."""

import multiprocessing
import os
import sys
import time

from simcore.api import pattern

letters: list[str] = []
"""A list of the module: each process has its own."""


def spell(word: str, pause_s: float, exit_code: int) -> None:
    """Collect the letters of a word, one after the other, print them, and end with that exit code."""
    for letter in word:
        letters.append(letter)
        time.sleep(pause_s)
    print(f"{multiprocessing.current_process().name} has {''.join(letters)}")
    sys.exit(exit_code)


@pattern(
    section="2.1",
    title="one child process: start, join, exit code",
    title_ja="Process",
    start_methods=["fork", "spawn", "forkserver"],
)
def process(word: str = "hello", pause_s: float = 0.001, exit_code: int = 3) -> None:
    """A child process does some work, and its parent waits for it and reads its exit code.

    Look at the time between `start` in the parent and the child's first event: a forked child begins at once with a copy of all
    that its parent has (the word `mine` is in its list already), a spawned one starts an interpreter and imports the module anew;
    of its parent's things it gets those that are its arguments, pickled, and no others. Either way the list that the child fills
    is its own: the parent's stays as it was, and of all that the child did only the exit code comes back.
    """
    letters[:] = ["mine"]
    child = multiprocessing.Process(target=spell, args=(word, pause_s, exit_code), name="speller")
    assert child.exitcode is None, "a process that was not started has no exit code"
    child.start()
    assert child.pid != os.getpid(), "the child is another process"
    child.join()
    assert not child.is_alive(), "who has been joined has ended"
    assert child.exitcode == exit_code, f"the child ended with {child.exitcode}"
    assert letters == ["mine"], f"the child's letters are here: {letters}"
    print(f"{child.name} ended with exit code {child.exitcode}, and the parent has {letters}")
