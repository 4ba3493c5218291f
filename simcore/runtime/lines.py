"""Watches when an actor comes to certain lines, and when it has left them again, with a trace function.

A line is reached when its frame comes to it from another line, and left when that frame goes on to another one, returns, yields
or raises. A statement that goes over several lines is one with its first line. The end of a `with` block, for which Python comes
back to the line of the `with`, is not that line again.
"""

from collections.abc import Callable
from opcode import opmap
from types import CodeType, FrameType
from typing import Any, Final, Protocol

from simcore.runtime.frames import hide

_ONLY_AST: Final = 0x400
_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
"""Frames of their own until 3.11 only; from 3.12 on they are part of the line that they stand in."""

_LOAD_CONST, _CALL, _NOP, _SWAP = opmap["LOAD_CONST"], opmap.get("PRECALL", opmap["CALL"]), opmap["NOP"], opmap["SWAP"]
_PUSH_ERROR, _EXIT_BY_ERROR = opmap["PUSH_EXC_INFO"], opmap["WITH_EXCEPT_START"]
_BLOCKS: Final = ("body", "orelse", "finalbody", "handlers", "cases")
_Local = Callable[[FrameType, str, Any], Any]


class Steps(Protocol):
    """Who is told of the lines that are steps."""

    def come(self, step: int, actor: int) -> None:
        """Blocks until the step may be done."""

    def go(self, step: int, actor: int) -> None:
        """It is done."""


class Spot:
    """A line that one actor is watched at: `steps` has the step that each time is which matters, by its number from 1."""

    __slots__ = ("file", "last", "line", "steps", "times")

    def __init__(self, file: str, line: int) -> None:
        self.file, self.line, self.last = file, line, line
        self.steps: dict[int, int] = {}
        self.times = 0

    def is_in(self, file: str) -> bool:
        """Whether that is the file; it may be given by the end of its path."""
        return file == self.file or file.endswith("/" + self.file)


class Watch:
    """The lines of one actor. `called` is the trace function of its thread."""

    def __init__(self, actor: int, spots: list[Spot], steps: Steps) -> None:
        self._actor, self._spots, self._steps = actor, spots, steps
        self._under_way: int | None = None
        self._codes: dict[int, tuple[CodeType, dict[int, Spot]]] = {}  # by id, which is that of the code as long as it is kept

    def called(self, frame: FrameType, event: str, _: Any) -> _Local | None:
        """As `sys.settrace` wants it: None for code that has none of the lines."""
        code = frame.f_code
        known = self._codes.get(id(code))
        if known is None:
            known = self._codes[id(code)] = (code, self._spots_of(code))
        return _Frame(self, known[1]).traced if known[1] else None

    def _spots_of(self, code: CodeType) -> dict[int, Spot]:
        near = [spot for spot in self._spots if spot.is_in(code.co_filename)]
        if not near:
            return {}
        lines = {line for _, _, line in code.co_lines()}
        if code.co_name in _COMPREHENSIONS:
            lines.discard(code.co_firstlineno)
        found = {spot.line: spot for spot in near if spot.line in lines}
        for spot in found.values():
            spot.last = _last_line(code, spot.line)
        return found

    def come(self, spot: Spot) -> int | None:
        """The actor comes to the line: waits until the step is due, which is returned; None where this time is no step."""
        spot.times += 1
        step = spot.steps.get(spot.times)
        if step is not None:
            if self._under_way is not None and self._under_way < step:
                self.go(self._under_way)  # a line in what that line calls: this actor cannot wait for itself
            self._steps.come(step, self._actor)
            self._under_way = step
        return step

    def go(self, step: int) -> None:
        """The actor has left the line of a step."""
        self._steps.go(step, self._actor)
        if self._under_way == step:
            self._under_way = None


class _Frame:
    """One frame of code that has watched lines: at which it is now, and which step that is."""

    __slots__ = ("_at", "_spots", "_step", "_watch")

    is_of_watch = True

    def __init__(self, watch: Watch, spots: dict[int, Spot]) -> None:
        self._watch, self._spots = watch, spots
        self._at: Spot | None = None
        self._step: int | None = None

    def traced(self, frame: FrameType, event: str, _: Any) -> _Local:
        """As `sys.settrace` wants a local trace function."""
        try:
            if event == "line":
                self._reach(frame, frame.f_lineno)
            elif event == "return":
                self._leave()
        except BaseException as error:  # from the handler of a signal that came while the actor waited
            hide(error)
            raise
        return self.traced

    def _reach(self, frame: FrameType, line: int) -> None:
        at, spot = self._at, self._spots.get(line)
        if at is not None and at.line <= line <= at.last and spot in (None, at):
            return
        self._leave()
        if spot is not None and not _leaves_with(frame.f_code, frame.f_lasti):
            self._at, self._step = spot, self._watch.come(spot)

    def _leave(self) -> None:
        if self._step is not None:
            self._watch.go(self._step)
        self._at = self._step = None


def _leaves_with(code: CodeType, at: int) -> bool:
    """Whether the end of a `with` block begins here: `__exit__(None, None, None)`, or that for an error."""
    instructions = code.co_code
    while instructions[at] in (_NOP, _SWAP):
        at += 2
    if instructions[at] == _PUSH_ERROR:
        return instructions[at + 2] == _EXIT_BY_ERROR
    for _ in range(3):
        if instructions[at] != _LOAD_CONST or code.co_consts[instructions[at + 1]] is not None:
            return False
        at += 2
    return instructions[at] == _CALL


def _last_line(code: CodeType, line: int) -> int:
    """The last line of the statement that begins at this one; of a statement with a block, the last before the block."""
    if all(end is None or end <= line for first, end, _, _ in code.co_positions() if first == line):
        return line
    try:
        with open(code.co_filename, "rb") as file:
            tree: Any = compile(file.read(), code.co_filename, "exec", _ONLY_AST, dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return line
    last = line
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if getattr(node, "lineno", 0) == line:
            last = max(last, _last_of(node))
        waiting += [inner for name in _BLOCKS for inner in getattr(node, name, ())]
    return last


def _last_of(statement: Any) -> int:
    """Its last line, or the last before its block."""
    if hasattr(statement, "cases"):
        last: int = statement.subject.end_lineno
    else:
        last = statement.body[0].lineno - 1 if hasattr(statement, "body") else statement.end_lineno
    return last
