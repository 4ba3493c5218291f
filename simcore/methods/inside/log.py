"""What a process has seen, a line each, in a file of its own: a literal that the controller reads with `ast.literal_eval`."""

import os
from typing import Any

folder = ""
"""The run's."""

state = False
"""Whether this run looks at everything, or only at the clock."""

method = ""
"""The start method that is forced."""

name = "main"
"""This process: `main`, its second child `main.2`, as in traces."""

started = 0
"""How many children this process has started."""


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
        if len(value) > 3 and value in text:
            text = text.replace(value, "***")
    return " ".join(part for part in text.split() if not part.startswith("0x"))[:200].replace(" at >", ">")


def reborn(own: str) -> None:
    """Let this process be that child."""
    global name, started
    name, started = own, 0
