"""Watches when an actor comes to certain lines, and when it has left them again, with a trace function.

A statement is named by its first line, over however many it goes; one of its other lines is that line alone. It is reached when
its frame comes to it from elsewhere, and left when that frame goes on elsewhere, returns, yields or raises. The end of a `with`
block, for which Python comes back to the line of the `with`, is not that line again.
"""

from collections.abc import Callable
from opcode import opmap
from types import CodeType, FrameType
from typing import Any, Final, Protocol

from simcore.runtime.frames import hide
from simcore.runtime.statements import statement_at

_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
"""Frames of their own until 3.11 only; from 3.12 on they are part of the statement that they stand in."""

_LATER: Final = frozenset({"<lambda>", "<genexpr>"})
"""What stands in a statement, but runs at another time."""

_LOAD_CONST, _CALL, _NOP, _SWAP = opmap["LOAD_CONST"], opmap.get("PRECALL", opmap["CALL"]), opmap["NOP"], opmap["SWAP"]
_PUSH_ERROR, _EXIT_BY_ERROR = opmap["PUSH_EXC_INFO"], opmap["WITH_EXCEPT_START"]
_RESUME, _RESUMED_BY = opmap["RESUME"], 3
_Local = Callable[[FrameType, str, Any], Any]


def is_called(path: str, file: str) -> bool:
    """Whether a path is that of a file which an order may name by the end of its path."""
    return path == file or path.endswith(f"/{file}")


class Steps(Protocol):
    """Who is told of the lines that are steps."""

    def come(self, step: int, actor: int) -> None:
        """Blocks until the step may be done."""

    def go(self, step: int, actor: int) -> None:
        """It is done."""


class Point:
    """A line that one actor is watched at: `steps` has the step that each time is which matters, by its number from 1."""

    __slots__ = ("file", "line", "steps", "times")

    def __init__(self, file: str, line: int) -> None:
        self.file, self.line = file, line
        self.steps: dict[int, int] = {}
        self.times = 0


class _Stretch:
    """A point in one code object: the lines that are it, and those of its statement, which is left before it is come to again."""

    __slots__ = ("first", "last", "point", "statement")

    def __init__(self, point: Point, code: CodeType) -> None:
        self.point = point
        self.statement = statement_at(code.co_filename, point.line) if code.co_name not in _LATER else (point.line, point.line)
        self.first = self.last = point.line
        if self.statement[0] == point.line:
            self.last = self.statement[1]

    def has(self, line: int) -> bool:
        return self.first <= line <= self.last

    def is_in_statement(self, line: int) -> bool:
        return self.statement[0] <= line <= self.statement[1]


_Stretches = dict[int, list[_Stretch]]
"""Those of one code object, by each of its lines that is part of one."""


class Tracer:
    """The lines of one actor. `called` is the trace function of its thread; `stop` is called when all of its steps are done."""

    def __init__(self, actor: int, points: list[Point], steps: Steps, stop: Callable[[], object]) -> None:
        self._actor, self._points, self._steps, self._stop = actor, points, steps, stop
        self._left = sum(len(point.steps) for point in points)
        self._under_way: int | None = None
        self._codes: dict[int, tuple[CodeType, _Stretches]] = {}  # by id, which is that of the code as long as it is kept

    def called(self, frame: FrameType, event: str, _: Any) -> _Local | None:
        """As `sys.settrace` wants it: None for code that has none of the lines."""
        code = frame.f_code
        known = self._codes.get(id(code))
        if known is None:
            known = self._codes[id(code)] = (code, self._stretches_of(code))
        return _Frame(known[1], self, 0 if _begins(frame) else frame.f_lineno).traced if known[1] else None

    def _stretches_of(self, code: CodeType) -> _Stretches:
        near = [_Stretch(point, code) for point in self._points if is_called(code.co_filename, point.file)]
        lines = {line for _, _, line in code.co_lines() if line} if near else set()
        if code.co_name in _COMPREHENSIONS:
            lines.discard(code.co_firstlineno)
            near = [stretch for stretch in near if stretch.first != stretch.statement[0]]
        found = {line: [stretch for stretch in near if stretch.has(line)] for line in lines}
        return {line: there for line, there in found.items() if there}

    def come(self, point: Point) -> int | None:
        """The actor comes to the line: waits until the step is due, which is returned; None where this time is no step."""
        point.times += 1
        step = point.steps.get(point.times)
        if step is not None:
            if self._under_way is not None and self._under_way < step:
                self.go(self._under_way)  # a line in what that line calls: this actor cannot wait for itself
            self._steps.come(step, self._actor)
            self._under_way = step
        return step

    def go(self, step: int) -> None:
        """The actor has left the line of a step."""
        if self._under_way == step:
            self._under_way = None
            self._steps.go(step, self._actor)
            self._left -= 1
            if not self._left:
                self._stop()


class _Frame:
    """One frame of code that has watched lines: those at which it is, with their steps, and whose statements it has not left."""

    __slots__ = ("_at", "_passed", "_stretches", "_tracer")

    is_of_tracer = True

    def __init__(self, stretches: _Stretches, tracer: Tracer, line: int) -> None:
        """`line` is where the frame is already: behind a `yield` or `await`, or in a forked child; 0 for one that begins."""
        self._tracer, self._stretches = tracer, stretches
        self._at: list[tuple[_Stretch, int | None]] = []
        self._passed = list({stretch for there in stretches.values() for stretch in there if stretch.is_in_statement(line)})

    def traced(self, frame: FrameType, event: str, _: Any) -> _Local:
        """As `sys.settrace` wants a local trace function."""
        try:
            if event == "line":
                line = frame.f_lineno
                if self._passed or line in self._stretches:
                    self._reach(frame, line)
            elif event == "return":
                self._reach(frame, 0)
        except BaseException as error:  # from the handler of a signal that came while the actor waited
            hide(error)
            raise
        return self.traced

    def _reach(self, frame: FrameType, line: int) -> None:
        for entry in self._at[::-1]:
            stretch, step = entry
            if not stretch.has(line):
                self._at.remove(entry)
                if step is not None:
                    self._tracer.go(step)
        if self._passed:
            self._passed = [stretch for stretch in self._passed if stretch.is_in_statement(line)]
        for stretch in self._stretches.get(line, ()):
            if stretch not in self._passed and not _leaves_with(frame.f_code, frame.f_lasti):
                self._passed.append(stretch)
                self._at.append((stretch, self._tracer.come(stretch.point)))


def _begins(frame: FrameType) -> bool:
    """Whether nothing of this frame has run yet."""
    at, instructions = frame.f_lasti, frame.f_code.co_code
    return at < 0 or (instructions[at] == _RESUME and instructions[at + 1] & _RESUMED_BY == 0)


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
