"""A rewritten module does what its source says, in the same order, with the same errors at the same places."""

import builtins
import itertools
import marshal
import operator
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest
from rewrite_programs import PROGRAMS
from rewriting import Mark, Ran, installed, run

from simcore.runtime.access import plainly
from simcore.runtime.access.plainly import hooks
from simcore.runtime.access.rewrite import rewrite
from simcore.runtime.access.spots import FRESH, HOOKS, METHODS, OPERATORS, READERS, SCALARS, UPDATES, Spot, Way, What

TAKES_FRAMES = "errors: recursion"
"""How deep it comes depends on the frames of hooks written in Python."""
STEPS_BACK = "errors: chains over lines"
"""Before 3.13 a debugger is told of the lines of such a chain in another order: of the same ones."""


def steps(ran: Ran) -> list[tuple[str, str, int]]:
    """What a debugger sees. Python 3.12 tells of some lines twice, and which ones depends on the bytecode."""
    return [step for step, _ in itertools.groupby(ran.steps)]


@pytest.mark.parametrize("marked", [False, True], ids=["called", "marked"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_rewritten_program_does_the_same(name: str, marked: bool) -> None:
    """Output, order of evaluation, errors, tracebacks with carets, and lines that a debugger sees are those of a plain run."""
    plain = run(PROGRAMS[name], rewritten=False)
    ran = run(PROGRAMS[name], rewritten=True, marked=marked)
    assert ran.spots
    assert ran.lines == plain.lines
    if name not in (TAKES_FRAMES, STEPS_BACK):
        seen = steps(run(PROGRAMS[name], rewritten=True, marked=marked, traced=True))
        assert seen == steps(run(PROGRAMS[name], rewritten=False, traced=True))


def test_the_compiler_warns_of_nothing_else() -> None:
    """It knows the type of some expressions, and that they are no index; what a mark is subscribed with is none."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        rewrite('("%s" % (a,)).title(); (1.0 + 2).hex(); (-1j).imag; ("a" * n).x = 1', "program.py", 0, mark=Mark)
    assert not said


def test_debuggers_see_the_lines_of_a_chain() -> None:
    """All lines of a chain of calls are seen, and no others."""
    plain = run(PROGRAMS[STEPS_BACK], rewritten=False, traced=True)
    ran = run(PROGRAMS[STEPS_BACK], rewritten=True, traced=True)
    assert set(ran.steps) == set(plain.steps)


def codes_of(code: CodeType) -> list[CodeType]:
    """A code and all in it."""
    return [code, *(inner for constant in code.co_consts if isinstance(constant, CodeType) for inner in codes_of(constant))]


def test_code_without_accesses_is_what_it_was() -> None:
    """A function that touches nothing that is recorded has the very bytecode of the plain module."""
    source = '''
def f(a, b=1, *c, d, **e):
    """Adds."""
    x: int = a + b
    for i in range(x):
        if i in (1, 2) and i != 4:
            x += i
        print(x, "text"[1:], f"{x:>{b}}")
    y = [1, 2][0] + (lambda z: z * 2)(3) if x > 1 else -x
    def inner():
        return b, len("abc")
    try:
        del y
    except (ValueError, TypeError) as error:
        raise KeyError from error
    return x and str(x)
class A(Exception):
    x: int = 1
    def f(self, y): super().f(y)
'''
    plain = compile(source, "m.py", "exec", dont_inherit=True)
    ran = rewrite(source, "m.py", 0).code
    pairs = zip(codes_of(plain)[1:], codes_of(ran)[1:], strict=True)
    for one, other in pairs:
        assert marshal.dumps(one) == marshal.dumps(other), one.co_qualname


def test_the_tables_agree() -> None:
    """Each operator has its function, what is listed as builtin is one, and the plain hooks are complete."""
    values = {"x": 13, "y": 3, "Add": 16, "Sub": 10, "Mult": 39, "Div": 13 / 3, "Mod": 1, "Pow": 2197, "FloorDiv": 4}
    values |= {"LShift": 104, "RShift": 1, "BitOr": 15, "BitXor": 14, "BitAnd": 1}
    for name, update in zip(OPERATORS * 2, UPDATES, strict=True):
        assert name == "MatMult" or update(values["x"], values["y"]) == values[name]
    assert [UPDATES[at] for at in range(len(UPDATES)) if (OPERATORS * 2)[at] == "MatMult"] == [operator.imatmul, operator.matmul]
    assert {name for name in SCALARS | READERS | FRESH if not hasattr(builtins, name)} == set()
    assert set(hooks([])) == set(HOOKS)
    containers = (list, dict, set, deque, bytearray)
    assert {name for name in METHODS if not any(hasattr(kind, name) for kind in containers)} == set()


# Which accesses are seen --------------------------------------------------------------------------------------------------------

SEEN: dict[str, list[str]] = {
    "a.x": ["load_attr x"],
    "a.x = 1": ["store_attr x"],
    "del a.x": ["del_attr x"],
    "a.x += 1": ["update_attr x"],
    "a.x -= n": ["update_attr x"],
    "a.x *= -2": ["update_attr x"],
    "a.x += a.y": ["attr x", "load_attr y"],
    "a.x += f()": ["attr x"],
    "b = a.x = 1": ["attr x"],
    "a.x: int = 1": ["attr x"],
    "a.x: int": [],
    "a.x, a.y = a.y, a.x": ["load_attr y", "load_attr x", "attr x", "attr y"],
    "for a.x in (1, 2): pass": ["attr x", "attr x"],
    "a.b.c": ["load_attr b", "load_attr c"],
    "a.b.c = 1": ["load_attr b", "store_attr c"],
    "d['k']": ["load_item"],
    "d['k'] = 1": ["store_item"],
    "d['k'] += 1": ["update_item"],
    "d['k'] += f()": ["item"],
    "del d['k']": ["del_item"],
    "l[0:1]": ["load_item"],
    "l[0:1] = [5]": ["store_item"],
    "d['k'], n = 1, 2": ["item"],
    "l.append(1)": ["method append"],
    "l.sort(key=f2)": ["method sort"],
    "d.get('k')": ["method get"],
    "for k in d.items(): pass": ["method items", "whole for"],
    "a.f()": ["load_attr f"],
    "a.l.append(1)": ["load_attr l", "method append"],
    "for x in l: pass": ["whole for"],
    "[x for x in l if x in d]": ["whole for", "contains in", "contains in"],
    "1 in l": ["contains in"],
    "1 not in d": ["contains in"],
    "0 < 1 in l": ["whole in"],
    "1 in (1, 2)": [],
    "len(l)": ["length len"],
    "if l: pass": ["is_true bool"],
    "x = not l": ["is_true bool"],
    "while d and not a.l: break": ["is_true bool", "load_attr l", "is_true bool"],
    "[x for x in (1,) if l]": ["is_true bool"],
    "getattr(a, 'x', 1)": ["get_named"],
    "hasattr(a, 'x')": ["has_named"],
    "setattr(a, 'x', 1)": ["set_named"],
    "delattr(a, 'x')": ["del_named"],
    "sorted(l, key=f2)": ["whole sorted"],
    "max(1, 2)": [],
    "max(l)": ["whole max"],
    "zip(l, d)": ["whole zip", "whole zip"],
    "list(map(f2, l))": ["whole map"],
    "f2(*l)": ["whole *"],
    "dict(**d)": ["whole **"],
    "[*l, {**d}]": ["whole *", "whole **"],
    "x, y = l": ["whole unpack"],
    "for i in range(3): pass": [],
    "math.floor(2.5)": [],
    "math.pi": ["load_attr pi"],
    "g": ["load_global g"],
    "g = 1": ["store_global g"],
    "g += 1": ["update_global g"],
    "g += f()": ["global g"],
    "del g; g = 1": ["del_global g", "store_global g"],
    "(g := 2)": ["store_global g"],
    "for g in (1,): pass": ["global g"],
    "import math as g": ["store_global g"],
    "other += 1; del other": [],
    "x = [1]; x += [2]": [],
    "(lambda: (f(), n))()": [],
    "closure()": ["store_cell c", "update_cell c", "cell c", "load_cell c", "del_cell c", "store_cell c", "load_cell c"],
    "late()": ["cell i", "load_cell i"],
}

SETTING = """
import math
class A: pass
def f(): return 0
def f2(*x): return 0
def change():
    global g
    g = 0
def closure():
    c = 1
    def inner():
        nonlocal c
        c += 1
        c += f()
        x = c
        del c
        c = 3
        return c
    return inner()
def late():
    for i in (1,): made = lambda: i
    return made()
a, d, l, n, g, other = A(), {"k": 1}, [1, 2], 1, 5, 1
vars(a).update(x=1, y=2, b=A(), l=[], f=f)
vars(vars(a)["b"])["c"] = 1
"""


_WHATS = {
    **dict.fromkeys(("attr", "named"), "ATTRIBUTE"),
    **dict.fromkeys(("length", "true", "contains"), "WHOLE"),
}
"""What is accessed, by how a hook's name ends."""


def accesses_of(statement: str) -> list[str]:
    """The hooks that a statement calls, with their fields."""
    code, found = rewrite(SETTING + f"begin()\n{statement}\n", "m.py", 50)
    spots = [Spot(0, "", "", What.ITEM)] * 50 + found
    seen: list[str] = []

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        short = name.removeprefix("__simcore_").removesuffix("__")
        last = short.rpartition("_")[2]
        what = _WHATS.get(last, last.upper())

        def called(*arguments: Any) -> Any:
            if short != "born":
                spot = spots[arguments[-1]]
                assert spot.what == What[what]
                seen.append(f"{short} {spot.field}".strip())
            return function(*arguments)

        return called

    with installed(spots, noted):
        exec(code, {"__name__": "m", "begin": seen.clear})
    return seen


def test_each_access_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each access calls the hook that it should, with a spot that tells what it is."""
    monkeypatch.setattr(plainly, "get_frame", lambda depth: sys._getframe(depth + 2))  # `noted` stands between
    assert {statement: accesses_of(statement) for statement in SEEN} == SEEN


MARKED = {
    "a.x": [(Way.LOADS, "x")],
    "a.x.y": [(Way.LOADS, "x"), (Way.LOADS, "y")],
    "a.x = a.y": [(Way.LOADS, "y"), (Way.STORES, "x")],
    "a.x = b.y = 1": [(Way.STORES, "x"), (Way.STORES, "y")],
    "a.x, b.y = 1, 2": [(Way.STORES, "x"), (Way.STORES, "y")],
    "for a.x in (1, 2): pass": [(Way.STORES, "x")] * 2,
    "a.x: int = 1": [(Way.STORES, "x")],
    "a.x += 1": [(Way.BOTH, "x", 0, 1)],
    "a.x -= 2.5": [(Way.BOTH, "x", 10, 2.5)],
    "a.f()": [(Way.LOADS, "f")],
    "a.append(1)": [],  # a container's method: a hook asks what `a` is
    "a.x += b": [],  # what `b` is decides whether it is done in one step
    "a.x += int('1')": [],
    "a.x = a.x + 1": [],
    "(\na\n.x)": [],  # several lines: a debugger may come in between
    "del a.x": [],
    "(lambda: 0).__name__": [],  # a warning of the compiler's, were it subscribed with
    "(i for i in ()).gi_frame": [],
}
"""Statements, and the marks that they come by; where there is none a hook is called."""


@pytest.mark.parametrize("statement", MARKED)
def test_attributes_stand_behind_marks(statement: str) -> None:
    """An attribute has a mark where the interpreter lets nobody in between that and the access, else it is a hook's."""
    marks: dict[int, Any] = {}
    found: list[Any] = []

    def mark(way: Way, spot: int, *update: object) -> Mark:
        marks[spot] = way, spots[spot - 50].field, *update
        return Mark(way, spot)

    def first(new: Any) -> int:
        spots.extend(new)
        return 50

    spots: list[Spot] = []
    source = "class A:\n    x = y = 1\n    def f(self): pass\n    def append(self, what): pass\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        code, _ = rewrite(f"{source}def main(a, b):\n {statement}\nnow(A())\n", "m.py", first, mark=mark)

    def now(a: Any) -> None:
        a.x, a.y = a, 1
        if "=" in statement:
            a.x = 1
        Mark.said = lambda way, spot: found.append(marks[spot])  # type: ignore[method-assign]
        try:
            names["main"](a, type(a)() if statement.startswith(("a.x =", "a.x,")) else 1)
        finally:
            Mark.said = lambda way, spot: None  # type: ignore[method-assign]

    names: dict[str, Any] = {"__name__": "m", "now": now}
    with installed([Spot(0, "", "", What.ITEM)] * 50 + spots):
        exec(code, names)
    assert found == MARKED[statement]


def test_spots_tell_where_they_are() -> None:
    """Line, qualified name of the code, mangled name."""
    source = """
class Account:
    def change(self, by):
        self.__balance += by
        return (lambda: self.name)
    owner = len.__name__
def f():
    def g(x):
        yield x.y
    return [i[0] for i in g.z]
g = f.w
"""
    found = rewrite(source, "m.py", 7).spots
    inlined = sys.version_info >= (3, 12)
    assert [(spot.line, spot.function, spot.field) for spot in found] == [
        (4, "Account.change", "_Account__balance"),
        (5, "Account.change.<locals>.<lambda>", "name"),
        (6, "Account", "__name__"),
        (9, "f.<locals>.g", "y"),
        (10, "f", "z"),
        (10, "f", "for"),
        (10, "f" if inlined else "f.<locals>.<listcomp>", ""),
        (11, "<module>", "w"),
    ]


def test_numbers_are_given_once_the_spots_are_known() -> None:
    """`first` may be a function of the spots; a module without accesses asks for no numbers."""
    asked: list[int] = []

    def first(spots: Any) -> int:
        asked.append(len(spots))
        return 3000

    code, spots = rewrite("a = str\na.x = a.y\n", "m.py", first)
    assert asked == [2]
    assert {3000, 3001} <= set(code.co_consts)
    assert not any(type(constant) is tuple for constant in code.co_consts)
    assert rewrite("a = 1\n", "m.py", first) == (compile("a = 1\n", "m.py", "exec"), [])
    assert asked == [2]
    assert [spot.field for spot in spots] == ["y", "x"]


# Compiling ----------------------------------------------------------------------------------------------------------------------

WRONG = [
    "def f(:",
    "def f():\n    x = 1\n    global x\nf.y",
    "def f():\n    print(x)\n    global x\n    x = 1",
    "def f(x):\n    global x\n    x += 1",
    "def f():\n    nonlocal x\n    x = f.y",
    "def f():\n    x = 1\n    def g():\n        x = 2\n        nonlocal x",
    "nonlocal x\nx = a.b",
    "return a.b",
    "class A:\n    return a.b",
    "def f(): await a.b",
    "def f():\n    global x\n    x: int = a.b",
    "a.__debug__ = 1",
    "for a.__debug__ in b: pass",
    "[x := 1 for x in a.b]",
    "class A: y = [x := i for i in a.b]",
    "def f():\n    global x\n    x = 1\n[x := 1 for x in (1,)]",
    "lambda: (yield a.b) = 1",
    "a.b() = 1",
    "x = [yield a.b for _ in c]",
    "from __future__ import nothing",
    "a.x = 1\nfrom __future__ import annotations",
    "def f(a, a): a.b",
    "break",
    "try: pass\nexcept: pass\nexcept A.b: pass",
    "a.b: int = yield",
    "(a.b, c): int = 1",
    "b'\\xff' a.b",
    "a.x\n  b",
    "with a.b as f(): pass",
    "*a.b = c",
]


def refused(function: Callable[[], object]) -> tuple[str, dict[str, object]]:
    """The error that there is, with all that it tells."""
    with pytest.raises(SyntaxError) as found:
        function()
    return repr(found.value), vars(found.value)


def test_what_python_refuses_is_refused() -> None:
    """An error in the source is the compiler's own, at its place."""
    for source in WRONG:
        plain = refused(lambda source=source: compile(source, "m.py", "exec", dont_inherit=True))  # type: ignore[misc]
        assert refused(lambda source=source: rewrite(source, "m.py", 0)) == plain  # type: ignore[misc]


def test_warnings_come_once() -> None:
    """The compiler's warnings are those of a plain compile."""
    source = "a = str\nassert (a.x, 'm')\nif a is 'x': pass\n1[0]\n'text'(a.y)\n[1]['k']\n(1, 2)[a.z, 1]\nb = '\\d'\n"

    def told(function: Callable[[], object]) -> list[str]:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            function()
        return [f"{warning.lineno} {warning.category.__name__} {warning.message}" for warning in seen]

    plain = told(lambda: compile(source, "m.py", "exec", dont_inherit=True))
    assert len(plain) > 4
    assert sorted(told(lambda: rewrite(source, "m.py", 0))) == sorted(plain)


def test_bytes_bring_their_encoding() -> None:
    """A source in another encoding, or with a mark of its byte order, is read as Python reads it."""
    for raw in ("# coding: latin-1\ntext = 'ü'\ntext.x\n".encode("latin-1"), b"\xef\xbb\xbf" + "text = 'ü'\ntext.x".encode()):
        code, spots = rewrite(raw, "m.py", 0)
        assert "ü" in code.co_consts
        assert len(spots) == 1


def test_optimising_goes_on() -> None:
    """Asserts and docstrings are left out where Python leaves them out."""
    source = '"""Doc."""\ndef f(a):\n    "doc"\n    assert a.x\n    return a.y\n'
    code, spots = rewrite(source, "m.py", 0, optimize=2)
    assert [spot.field for spot in spots if spot.function] == ["y"]
    assert not any("oc" in str(constant) for inner in codes_of(code) for constant in inner.co_consts)


def test_deep_expressions_compile() -> None:
    """What Python compiles, however deep, compiles; where it can it is rewritten."""
    for depth in (50, 400, 900):
        source = "x = a.b" + " + a.b" * depth + "\ny = a" + ".b" * depth + "\n"
        compile(source, "m.py", "exec")
        limit = sys.getrecursionlimit()
        code, spots = rewrite(source, "m.py", 0)
        assert sys.getrecursionlimit() == limit
        assert len(spots) in (0, 2 * depth + 1)
        assert depth > 400 or spots
        assert "m.py" in code.co_filename


def test_long_chains_of_conditions_compile() -> None:
    """Hundreds of `elif`, which are nested in the syntax tree, are rewritten."""
    source = "def f(a):\n    if a.x: pass\n" + "".join(f"    elif a.x == {i}: a.y = {i}\n" for i in range(400))
    assert len(rewrite(source, "m.py", 0).spots) == 802


def test_many_spots_and_variables_fit() -> None:
    """Numbers and variables beyond a byte reach their hooks."""
    names = [f"v{i}" for i in range(300)]
    source = "def f():\n"
    source += "".join(f"    {name} = 0\n" for name in names)
    source += "    def g(step):\n        nonlocal " + ", ".join(names) + "\n"
    source += "".join(f"        {name} += 1; {name} = {name} + step\n        {name} += abs(step)\n" for name in names)
    source += "        return [" + ", ".join(names) + "]\n    return g(2)\nprint(sum(f()))\n"
    assert run(source, rewritten=True).lines == run(source, rewritten=False).lines == ["1500"]


def test_rewriting_is_quick() -> None:
    """A thousand lines take well below a second."""
    import argparse
    import inspect

    source = inspect.getsource(argparse)
    began = time.process_time()
    spots = rewrite(source, "argparse.py", 0).spots
    assert len(spots) > 900
    assert time.process_time() - began < 1.0 * source.count("\n") / 1000
