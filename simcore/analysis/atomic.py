"""What Python documents as safe for threads without a lock, and what of a container each method touches.

The sources are Python's own pages: the FAQ "What kinds of global value mutation are thread-safe?" (`FAQ` below), the page of
`collections.deque`, and for free-threaded builds the HOWTO that says that list, dict and set lock themselves as if under a GIL.
What is no access at all is not here: `SimpleQueue`, `queue.Queue` and `itertools.count` are recorded as what they are, or not.
"""

from __future__ import annotations

from typing import Final

FAQ: Final = "docs.python.org/3/faq/library.html#what-kinds-of-global-value-mutation-are-thread-safe"
DEQUE: Final = "docs.python.org/3/library/collections.html#collections.deque"
FREE: Final = "docs.python.org/3/howto/free-threading-python.html#thread-safety"
SETDEFAULT: Final = "docs.python.org/3/whatsnew/changelog.html, bpo-13521: dict.setdefault() is atomic"

ATOMIC: Final = {
    "append": f"{FAQ} (list), {DEQUE} (deque)",
    "appendleft": DEQUE,
    "extend": FAQ,
    "pop": f"{FAQ} (list), {DEQUE} (deque)",
    "popleft": DEQUE,
    "sort": FAQ,
    "update": FAQ,
    "setdefault": SETDEFAULT,
    "add": FREE,
    "discard": FREE,
}
"""Methods of which any two may meet: each is done in one step, and nothing gets lost."""

ADDING: Final = frozenset({"append", "extend", "add", "setdefault"})
"""Methods that leave every item that is there where and as it is."""

DECIDING: Final = frozenset({"setdefault"})
"""Methods that look and write in one step: a look before them decides nothing that they do not look at again."""

WHOLE: Final = "*"
UNKNOWN: Final = "?"


def method_of(item: str) -> str:
    """The method in the item of an access: `append` of `* append`."""
    return item.partition(" ")[2] if item[:1] == WHOLE else ""


def may_meet(one: str, other: str) -> bool:
    """Whether these two accesses to a container, one of them or both a write, are no race by what is documented.

    Each is an item as `accessed` has it: `'a'`, `*`, `* append`, `?`, or empty for some single item.
    """
    mine, its = method_of(one), method_of(other)
    if mine in ATOMIC and its in ATOMIC:
        return True
    # A method that only adds leaves single items alone.
    return (mine in ADDING and other[:1] != WHOLE) or (its in ADDING and one[:1] != WHOLE)
