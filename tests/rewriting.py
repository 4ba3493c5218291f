"""Runs a small program in this process, rewritten or not, and tells what it did.

The programs find four names in their globals: `probe(name)` makes an object that says what is done to it, `value(x)` says that
it is evaluated, `show(function)` calls it and prints its error with the traceback, `lines` is where all of them write.
"""

import builtins
import linecache
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from simcore.runtime.access.plainly import hooks
from simcore.runtime.access.rewrite import rewrite
from simcore.runtime.access.spots import Spot, Way


class Mark:
    """As the core's: gives what it is subscribed with, and says that it was."""

    said: Callable[[Way, int], None] = staticmethod(lambda way, spot: None)

    def __init__(self, way: Way, spot: int, *update: object) -> None:
        self.way, self.spot, self.update = way, spot, update

    def __getitem__(self, thing: Any) -> Any:
        Mark.said(self.way, self.spot)
        return thing


class Ran:
    """What a program has done."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[str, str, int]] = []
        """Calls, lines and returns, as a debugger sees them."""
        self.spots: list[Spot] = []


@contextmanager
def installed(spots: list[Spot], around: Callable[[str, Any], Any] = lambda name, function: function) -> Iterator[None]:
    """The hooks in `builtins`, for a while."""
    made = {name: around(name, function) for name, function in hooks(spots).items()}
    vars(builtins).update(made)
    try:
        yield
    finally:
        for name in made:
            delattr(builtins, name)


def run(source: str, *, rewritten: bool, marked: bool = False, traced: bool = False, optimize: int = -1) -> Ran:
    """Execute a program as a module of its own, in this process; `marked`: rewritten with marks."""
    source = textwrap.dedent(source).strip() + "\n"
    path = Path("program.py").absolute()
    path.write_text(source, encoding="utf-8")
    linecache.checkcache(str(path))
    ran = Ran()
    first = 1000
    code = compile(source, str(path), "exec", dont_inherit=True, optimize=optimize)
    if rewritten:
        code, ran.spots = rewrite(source, str(path), first, mark=Mark if marked else None, optimize=optimize)
    module = ModuleType("program")
    module.__file__ = str(path)
    vars(module).update(probe=_probe(ran.lines), value=_value(ran.lines), show=_show(ran.lines), lines=ran.lines)
    vars(module)["print"] = lambda *parts: ran.lines.append(" ".join(map(str, parts)))
    sys.modules["program"] = module

    def follow(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != str(path):
            return None
        if event != "exception":
            ran.steps.append((event, frame.f_code.co_qualname, frame.f_lineno))
        return follow

    with installed([*[Spot(0, "", "", 0)] * first, *ran.spots]):  # type: ignore[arg-type]
        before = sys.gettrace()
        if traced:
            sys.settrace(follow)
        try:
            exec(code, vars(module))
        except Exception as error:
            sys.settrace(before)
            ran.lines += _told(error)
        finally:
            sys.settrace(before)
            del sys.modules["program"]
    return ran


def _told(error: BaseException) -> list[str]:
    """An error with its traceback, without the frames of these helpers."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).splitlines()


def _show(lines: list[str]) -> Callable[[Callable[[], Any]], None]:
    def show(function: Callable[[], Any]) -> None:
        try:
            lines.append(repr(function()))
        except BaseException as error:
            lines.extend(_told(error))

    return show


def _value(lines: list[str]) -> Callable[[Any], Any]:
    def value(what: Any) -> Any:
        lines.append(f"value {what!r}")
        return what

    return value


def _probe(lines: list[str]) -> type:
    class Probe:
        """Logs what is done to it. What it has is a probe, too, or what was put there."""

        def __init__(self, name: str) -> None:
            vars(self)["_name"] = name

        def __repr__(self) -> str:
            return f"<{self._name}>"

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__") and name.endswith("__"):
                raise AttributeError(name)
            lines.append(f"get {self._name}.{name}")
            return vars(self).get(f"+{name}") or Probe(f"{self._name}.{name}")

        def __setattr__(self, name: str, new: Any) -> None:
            lines.append(f"set {self._name}.{name} = {new!r}")
            vars(self)[f"+{name}"] = new

        def __delattr__(self, name: str) -> None:
            lines.append(f"del {self._name}.{name}")

        def __getitem__(self, key: Any) -> Any:
            lines.append(f"get {self._name}[{key!r}]")
            return Probe(f"{self._name}[{key!r}]")

        def __setitem__(self, key: Any, new: Any) -> None:
            lines.append(f"set {self._name}[{key!r}] = {new!r}")

        def __delitem__(self, key: Any) -> None:
            lines.append(f"del {self._name}[{key!r}]")

        def __call__(self, *arguments: Any, **named: Any) -> Any:
            lines.append(f"call {self._name} {arguments} {named}")
            return Probe(f"{self._name}()")

        def __iadd__(self, other: Any) -> Any:
            lines.append(f"{self._name} += {other!r}")
            return Probe(f"({self._name} += {other!r})")

        def __add__(self, other: Any) -> Any:
            lines.append(f"{self._name} + {other!r}")
            return Probe(f"({self._name} + {other!r})")

        def __lt__(self, other: Any) -> bool:
            lines.append(f"{self._name} < {other!r}")
            return True

        def __contains__(self, item: Any) -> bool:
            lines.append(f"{item!r} in {self._name}")
            return True

        def __len__(self) -> int:
            lines.append(f"len {self._name}")
            return 2

        def __iter__(self) -> Any:
            lines.append(f"iter {self._name}")
            return iter((1, 2))

        def __enter__(self) -> Any:
            lines.append(f"enter {self._name}")
            return 5

        def __exit__(self, *_: object) -> None:
            lines.append(f"exit {self._name}")

        def __bool__(self) -> bool:
            lines.append(f"bool {self._name}")
            return True

        def keys(self) -> Any:
            lines.append(f"keys of {self._name}")
            return ["k"]

    return Probe
