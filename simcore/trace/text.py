"""Words for sizes, times and lists, and texts made fit to be shown.

Whatever comes out of a trace passes through `clean`: a trace may be hostile, and a terminal obeys escape sequences.
"""

import re
from typing import Final

LONGEST_TEXT: Final = 60

_PATH: Final = re.compile(r"([./])(\d{1,9})")


def path_key(name: str) -> tuple[tuple[str, int], ...]:
    """What the paths of actors are sorted by: `main.2` comes before `main.10`."""
    return tuple((kind, int(number)) for kind, number in _PATH.findall(name))


def clean(text: str) -> str:
    """The text with everything that is not printable escaped, line ends included."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shorten(text: str, width: int = LONGEST_TEXT) -> str:
    """The text, cut in the middle with `...` when it is longer than `width`."""
    if len(text) <= width:
        return text
    head = (width - 3) * 2 // 3
    return f"{text[:head]}...{text[len(text) - (width - 3 - head) :]}"


def duration(ns: int) -> str:
    """A time in the unit that fits: `0.21 s`, `5.1 ms`, `45 us`."""
    if ns < 0:
        return f"-{duration(-ns)}"
    if ns >= 100_000_000:
        seconds = ns / 1e9
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.1f} s" if seconds < 1000 else f"{seconds:,.0f} s"
    if ns >= 1_000_000:
        return f"{ns / 1e6:.1f} ms"
    return f"{ns / 1e3:.0f} us" if ns >= 1000 else f"{ns} ns"


def size(n_bytes: int) -> str:
    """A size in the unit that fits: `812 B`, `3.1 KB`, `1.2 MB`."""
    amount = float(n_bytes)
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{n_bytes} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 event`, `1,208 events`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def join(words: list[str], last: str = "and") -> str:
    """Words as a person lists them: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def signal_name(number: int) -> str:
    """`SIGTERM`, or `signal 99` for one that this system does not have."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def exit_words(status: int) -> str:
    """How a process ended, by its exit code, or -n for a signal: `exit code 3`, `SIGKILL`."""
    return signal_name(-status) if status < 0 else f"exit code {status}"
