"""When a line is reached and left, for each kind of statement; what Python does at the end of one is not the line again."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from simcore.runtime.lines import Point, Tracer

HEAD = """from contextlib import nullcontext

def note(what):
    said.append(what)
    return what

def fail():
    raise ValueError

class Shut:
    async def __aenter__(self): return self
    async def __aexit__(self, *_): note("shut")

class Leaves:
    def __enter__(self): return self
    def __exit__(self, *_): note("left")
"""


class Told:
    """Writes down what happens to steps, among what the program says."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def come(self, step: int, actor: int) -> None:
        self._said.append(f"({step}")

    def go(self, step: int, actor: int) -> None:
        self._said.append(f"{step})")


def watched(tmp_path: Path, body: str, text: str, times: int = 4) -> str:
    """What happens when this function runs, whose line with that text is watched: `(1 a 1)` is its first time, which said a."""
    file = tmp_path / "body.py"
    source = f"{HEAD}\n{body}"
    file.write_text(source)
    line = next(number for number, text_of in enumerate(source.splitlines(), start=1) if text in text_of)
    said: list[str] = []
    scope: dict[str, Any] = {"said": said, "nullcontext": nullcontext, "asyncio": asyncio}
    exec(compile(source, str(file), "exec"), scope)
    point = Point("body.py", line)
    point.steps = {time: time for time in range(1, times + 1)}
    tracer = Tracer(7, [point], Told(said), lambda: sys.settrace(None))
    run: Callable[[], object] = scope["run"]
    before = sys.gettrace()
    sys.settrace(tracer.called)
    try:
        run()
    except ValueError:
        said.append("raised")
    finally:
        sys.settrace(before)
    return " ".join(said)


@pytest.mark.parametrize(
    ("body", "text", "happens"),
    [
        ("def run():\n    note('a')\n    note('b')\n", "note('a')", "(1 a 1) b"),
        ("def run():\n    note('b')\n    note('a')\n", "note('a')", "b (1 a 1)"),
        ("def run():\n    note(\n        note('a')\n    )\n    note('b')\n", "    note(", "(1 a a 1) b"),
        ("def run():\n    note(\n        note('a') +\n        note('b')\n    )\n", "note('a')", "(1 a 1) b ab"),
        ("def run():\n    fail()\n", "    fail()", "(1 1) raised"),
        ("def run():\n    try:\n        fail()\n    except ValueError:\n        note('b')\n", "    fail()", "(1 1) b"),
        ("def run():\n    for _ in 'xy':\n        note('a')\n", "note('a')", "(1 a 1) (2 a 2)"),
        ("def run():\n    for _ in 'xy':\n        note('a')\n", "for _", "(1 1) a (2 2) a (3 3)"),
        ("def run():\n    for _ in 'xy': note('a')\n", "for _", "(1 a a 1)"),
        ("def run():\n    n = 2\n    while n:\n        n -= 1\n", "while n", "(1 1) (2 2) (3 3)"),
        ("def run():\n    with Leaves():\n        note('a')\n    note('b')\n", "with Leaves", "(1 1) a left b"),
        ("def run():\n    with Leaves():\n        return note('a')\n", "with Leaves", "(1 1) a left"),
        ("def run():\n    with Leaves():\n        return note('a')\n", "return note('a')", "(1 a 1) left"),
        ("def run():\n    with Leaves():\n        fail()\n", "with Leaves", "(1 1) left raised"),
        ("def run():\n    with Leaves():\n        fail()\n", "    fail()", "(1 1) left raised"),
        (
            "def run():\n    for n in 'xyz':\n        with Leaves():\n            if n == 'y': continue\n            note(n)\n",
            "with Leaves",
            "(1 1) x left (2 2) left (3 3) z left",
        ),
        (
            "def run():\n    with (\n        Leaves(),\n        nullcontext(note('a')),\n    ):\n        note('b')\n",
            "    with (",
            "(1 a 1) b left",
        ),
        ("def run():\n    note([note(x) for x in 'ab'][0])\n    note('c')\n", "note([", "(1 a b a 1) c"),
        ("def run():\n    [\n        note(x)\n        for x in 'ab'\n    ]\n", "note(x)", "(1 a 1) b"),
        ("def run():\n    made = (\n        note('a') +\n        note('b')\n    )\n    note('c')\n", "made =", "(1 a b 1) c"),
        (
            "def run():\n    made = note(\n        'a'), (lambda:\n        note('b')\n    )\n    made[1]()\n",
            "made =",
            "(1 a 1) b",
        ),
        ("def run():\n    made = lambda: note('a')\n    note('b')\n    made()\n", "lambda", "(1 1) b (2 a 2)"),
        ("def run():\n    for x in made(): note(x)\n\ndef made():\n    yield 'a'\n    yield 'b'\n", "yield 'a'", "(1 1) a b"),
        (
            "def run():\n    asyncio.run(go())\n\nasync def go():\n    got = note(\n        await asyncio.sleep(0, 'a')\n    )\n",
            "got =",
            "(1 1) a",
        ),
        ("def run():\n    for x in made(): note(x)\n\ndef made(): yield 'a'; yield 'b'\n", "def made", "(1 1) a b"),
        ("def run():\n    deep(2)\n\ndef deep(n):\n    return n and deep(n - 1)\n", "return n", "(1 1) (2 2) (3 3)"),
        ("def run():\n    if note('a') and \\\n            note('b'):\n        note('c')\n", "    if note", "(1 a b 1) c"),
        ("def run():\n    match note('a'):\n        case 'a':\n            note('b')\n", "match", "(1 a 1) b"),
        ("def run():\n    try:\n        note('a')\n    finally:\n        note('b')\n", "note('b')", "a (1 b 1)"),
        ("def run():\n    try:\n        fail()\n    finally:\n        note('b')\n", "note('b')", "(1 b 1) raised"),
        (
            "def run():\n    asyncio.run(go())\n\nasync def go():\n    async with Shut():\n        note('a')\n",
            "async with",
            "(1 1) a shut",
        ),
    ],
)
def test_a_line_is_reached_and_left(tmp_path: Path, body: str, text: str, happens: str) -> None:
    """`(1` stands where the first time begins, `1)` where it is over."""
    assert watched(tmp_path, body, text) == happens
