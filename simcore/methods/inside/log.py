"""What a process has seen, a line each, in a file of its own: a literal that the controller reads with `ast.literal_eval`."""

import os
from itertools import count
from typing import Any

folder = ""
"""The run's."""

state = False
"""Whether this run looks at everything, or only at the clock."""

method = ""
"""The start method that is forced."""

name = "main"
"""This process: `main`, its second child `main.2`, as in traces."""

numbers = count(1)
"""Of the children that this process starts."""

_SAFE = (
    "cannot pickle",
    "can't pickle",
    "can't get",
    "no module named",
    "an attempt has been made",
    "a semlock created",
    "context has",
)
"""How errors of the library begin that say nothing of the user's data."""


def write(kind: str, **facts: Any) -> None:
    """Append one line. Opened and closed each time, so that no descriptor is added to the program's."""
    facts["kind"], facts["pid"] = kind, os.getpid()
    line = repr(facts).encode("utf-8", "backslashreplace") + b"\n"
    try:
        number = os.open(f"{folder}/{os.getpid()}.seen", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:
        return  # the run's folder is gone: its controller has ended
    try:
        os.write(number, line)
    finally:
        os.close(number)


def masked(text: str) -> str:
    """The text without anything that stands in the environment, and without addresses."""
    for value in sorted(os.environ.values(), key=len, reverse=True):
        if len(value) > 2 and value in text:
            text = text.replace(value, "***")
    return " ".join(part for part in text.split() if not part.startswith("0x"))[:200].replace(" at >", ">")


def told(error: BaseException) -> str:
    """What an error says, if that is the library's own sentence: one of the program's may hold anything."""
    text = str(error).strip()
    return masked(text) if text.lower().startswith(_SAFE) else ""


def reborn(own: str) -> None:
    """Let this process be that child."""
    global name, numbers
    name, numbers = own, count(1)
