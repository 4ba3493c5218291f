"""Small programs that must do the same whether they are rewritten or not, and how both are run.

They find four names in their globals: `probe(name)` makes an object that says what is done to it, `value(x)` says that it is evaluated,
`show(function)` calls it and prints its error with the traceback, `lines` is where all of them write.
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
from simcore.runtime.access.spots import Spot


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


def run(source: str, *, rewritten: bool, traced: bool = False, optimize: int = -1) -> Ran:
    """Execute a program as a module of its own, in this process."""
    source = textwrap.dedent(source).strip() + "\n"
    path = Path("program.py").absolute()
    path.write_text(source, encoding="utf-8")
    linecache.checkcache(str(path))
    ran = Ran()
    first = 1000
    code = compile(source, str(path), "exec", dont_inherit=True, optimize=optimize)
    if rewritten:
        code, ran.spots = rewrite(source, str(path), first, optimize=optimize)
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


ORDER = {
    "attributes": """
        a = probe("a")
        a.x.y.z
        a.x = value(1)
        a.b.c = value(a.d)
        del a.x, a.b.c
        print(a.x < a.y < a.z, a.x if a.y else a.z)
        """,
    "items": """
        a, b = probe("a"), probe("b")
        a[b.key][value(2)]
        a[value(1)] = b[value(2)]
        a[b.i][b.j] = value(b.k)
        del a[value(1)], a[b.x].y
        a[1:b.end], a[:], a[::b.step], a[1:2, 3], a[..., None], a[*b.parts, 4]
        a[value(1):value(2)] = value(3)
        del a[value(1):]
        """,
    "chained assignment": """
        a, b = probe("a"), probe("b")
        a.x = b[value("k")] = c = a.y.z = value(7)
        print(c)
        """,
    "unpacking": """
        a, b = probe("a"), probe("b")
        a.x, b[value(1)] = value((1, 2))
        a.x, (b.y, *b[value("rest")]), c = value((1, (2, 3, 4), 5))
        [a.first, *a.others] = b
        a.x, b.x = b.x, a.x
        a[1], a[2] = a[2], a[1]
        *a.all, = b.items
        print(c)
        """,
    "updates": """
        a, b = probe("a"), probe("b")
        n = 3
        a.x += 1
        a.x += n
        a.x += -1
        a.x += b.y
        a.x += value(2)
        a[value("k")] += 1
        a[value("k")] += n
        a[b.k] += b.v
        a.b.c[value(1):b.end] += "text"
        a.x += [value(i) for i in (1, 2)]
        a.x += (lambda: n)()
        """,
    "loops into targets": """
        a = probe("a")
        for a.x in (1, 2): value("body")
        for a[value("i")], a.y in [(1, 2), (3, 4)]: value("body")
        else: value("else")
        with a.lock as a.held, probe("c") as a[value(1)]: value("with")
        [value("element") for a.z in (1, 2) if value("if")]
        {a[i] for i in (1, 2)}; {a.k: a.v for a.k in (1,)}
        """,
    "calls": """
        a = probe("a")
        a.f(a.x, *a.args, key=a.y, **a.more)
        a.append(a.x).get(value(1))
        a.b.c.update(value(1), b=a.d)
        a.f(*a.x, *a.y, a.z)
        a.f(value(1) for _ in a.items())
        a[0](a[1])
        a.f()()
        print(len(a), list(a), sorted(a), max(a), sum(a), any(a), set(a), dict(enumerate(a)), list(zip(a, a.b)), list(reversed([1, 2])))
        print(list(map(str, a)), list(filter(None, a)), max(1, 2), next(iter(a)), min(a, key=lambda x: -x), tuple(a), [*a], {**{"a": 1}})
        """,
    "conditions": """
        a = probe("a")
        if a.x and not a.y or a.z: value("if")
        while a.x < 3:
            break
        assert a.ok, a.message
        print(1 in a, 2 not in a.b, a.x is a.y, a.x == a.y, a and a.z, a.x or value(1))
        print(a.x if a.y else value(0), (a.u, a.v), [a.u], {"k": a.w}, f"{a.x}{a.y!r:>{value(10)}}")
        """,
    "walrus": """
        a = probe("a")
        print((n := a.x), n)
        print([m := v for v in a.items], m)
        if (k := a.get(value(1))): print(k)
        """,
    "deletions": """
        a, x, y = probe("a"), 1, 2
        del a.x, (x, a[value(1)], [y]), a.b[value(2)].c
        show(lambda: x)
        """,
}

SCOPES = {
    "globals": """
        count = 0
        names = ["a"]
        def work(step):
            global count, names, late
            count += 1
            count = count + step
            count += value(step)
            late = names
            names = names + ["b"]
            for count in range(count, count + 2): pass
            (count := count * 2)
            [count := count + i for i in range(3)]
            return count
        print(work(2), count, late, sorted(n for n in globals() if not n.startswith("_")))
        count += 1; count, other = 5, count; print(count, other)
        def drop():
            global count, late, nowhere
            del count, late
            show(lambda: count)
            del nowhere
            nowhere = 1
        show(drop); show(drop)
        for count in (1, 2): print(count)
        with probe("p") as count: print(count)
        count: int = 12
        print(count, __annotations__)
        """,
    "globals bound by other statements": """
        import json as loads
        def work():
            global os, path, f, C, error, m, loads
            import os, os.path as path
            def f(): return "f"
            class C: pass
            try: 1 / 0
            except ZeroDivisionError as error: print(error)
            match [1, 2, 3]:
                case [1, *m]: print(m)
            from json import loads
            return os.__name__, path.__name__.endswith("path"), f(), C.__qualname__, C.__module__, m, loads("1")
        print(work(), f(), C.__name__, os.sep, path.sep)
        show(lambda: error)
        """,
    "globals that shadow builtins": """
        def work():
            global len
            len = lambda x: "mine"
        print(len([1])); work(); print(len([1]))
        def undo():
            global len
            del len
        undo(); print(len([1, 2]), sum([1, 2]))
        """,
    "globals seen from everywhere": """
        g = 1
        def bump():
            global g
            g += 1
        class A:
            print(g)
            h = g
            g = 10
            print(g)
            def read(self): return g, [g for _ in range(1)], (lambda: g)()
            @staticmethod
            def own(g=g): return g
        bump(); print(A().read(), A.own(), A.h, A.g)
        def inner():
            g = 7
            def deep():
                global g
                g = 8
                return lambda: g
            return g, deep()()
        print(inner(), g)
        class B:
            global g
            g = 99
            g += 1
        print(g, "g" in vars(B))
        """,
    "closures": """
        def counter():
            n = 0
            log = []
            def bump(step=1):
                nonlocal n
                n += step
                n = n + value(step)
                n += value(step)
                log.append(n)
                return n
            def read(): return n
            def drop():
                nonlocal n
                del n
            return bump, read, drop, log, sorted(locals())
        bump, read, drop, log, seen = counter()
        print(bump(), read(), bump(2), log, seen)
        print(bump.__closure__[1].cell_contents, bump.__code__.co_freevars, read.__code__.co_freevars)
        drop(); show(read); show(drop); show(bump)
        """,
    "closures rebound by their owner": """
        def f():
            x = 1
            first = lambda: x
            x = 2
            seen = first()
            x += 1
            x, y = x + 1, 0
            del x
            show(first)
            show(lambda: x)
            try: x
            except UnboundLocalError as error: print(error, error.name)
            x: int = 9
            return first(), seen, locals().keys() - {"first"}
        print(f()[:2], sorted(f()[2]), f.__code__.co_cellvars, f.__annotations__)
        def late():
            show(lambda: z)
            z = 1
            z = 2
            return (lambda: z)()
        print(late())
        """,
    "unbound in the owner": """
        def f(go):
            def g():
                nonlocal x
                x += 1
                return x
            if go: x = 1
            print(x)
            return g()
        show(lambda: f(True)); show(lambda: f(False))
        """,
    "loop variables in closures": """
        def f():
            made = []
            for i in range(3):
                made.append(lambda: i)
                made.append(lambda i=i: i)
            made += [lambda: j for j in range(3)]
            made += list((lambda: k) for k in range(3))
            made += {m: lambda: m for m in range(2)}.values()
            made += [lambda: (a, b) for a, (b, *c) in [(1, (2, 3)), (4, (5, 6))] if a]
            return [g() for g in made]
        print(f())
        print([g() for g in [lambda: i for i in range(3)]])
        class A:
            made = [lambda: i for i in range(3)]
            names = [(lambda: n) for n in "ab" if n]
        print([g() for g in A.made], [g() for g in A.names])
        async def collect():
            async def numbers():
                for i in range(3): yield i
            made = [lambda: i async for i in numbers()]
            return [g() for g in made]
        try: collect().send(None)
        except StopIteration as stop: print(stop.value)
        """,
    "parameters in closures": """
        def f(x, *args, y=1, **more):
            def g():
                nonlocal x, args, y, more
                x += 1; args = args + (x,); y, more = 2, {**more, "z": y}
            g()
            return x, args, y, more
        print(f(1, 2, k=3))
        h = lambda a: ((a := a + 1), (lambda: a)(), (b := 3), (b := 4), (lambda: b)())
        print(h(1))
        def deep(n):
            def outer():
                def inner():
                    nonlocal n
                    n -= 1
                    return n
                return inner
            return outer()
        d = deep(5); print(d(), d())
        """,
    "closures bound by other statements": """
        def f():
            def use(): return os, g, C, e, m, k, rest
            os = g = C = e = m = k = rest = None
            print(use())
            import os
            def g(): "g"
            class C: x = 1
            try: raise ValueError(3)
            except ValueError as e: print(use()[3])
            match {"a": 1, "b": 2}:
                case {"a": m, **rest}: pass
            with probe("p") as k: pass
            show(use)
            e = 0
            found = use()
            print(found[0].__name__, found[1].__doc__, found[2].__qualname__, found[3:])
        f()
        """,
    "class bodies and closures": """
        def f():
            x = 1
            class A:
                y = x
                x = 2
                z = x
                def m(self): return x
                class B:
                    w = x
                    def m(self):
                        nonlocal x
                        x += 10
                        return x, __class__.__name__
            x = 5
            return A.y, A.z, A.x, A().m(), A.B.w, A.B().m(), x
        show(f)
        def g():
            n = 0
            class A:
                nonlocal n
                n = 1
                n += 1
            return n, (lambda: n)()
        show(g)
        """,
    "comprehensions in scopes": """
        def f(items):
            total = 0
            def add():
                nonlocal total
                total += 1
            found = [[total, x, y] for x in items for y in [total] if add() is None]
            shadow = [total for total in range(2)]
            grid = [[(i, j, total) for j in range(i)] for i in range(3)]
            return found, shadow, grid, {k: v for k, v in {"a": total}.items()}, total, sum(total for _ in items)
        print(f([1, 2]))
        x = "outer"
        print([x for x in range(2)], x, [y for y in [x]], [[x for x in range(n)] for n in range(2)])
        """,
    "generators and closures": """
        def f():
            n = 0
            def g():
                nonlocal n
                while n < 3:
                    n += 1
                    got = yield n
                    if got: n = got
            return g, lambda: n
        g, read = f()
        it = g()
        print(next(it), read(), it.send(2), read(), list(it), read())
        """,
    "mangled names": """
        class _Car:
            __wheels = 4
            def __init__(self): self.__speed = 0; self.__dunder__ = 1; self.__log = []
            def go(self):
                self.__speed += 1
                self.__log.append(self.__speed)
                self.__wheels = self.__wheels + 1
                del self.__dunder__
                return sorted(vars(self)), [self.__speed for _ in range(1)], (lambda: self.__speed)()
            def count(self):
                global __total
                __total = 3
                __own = 1
                def inner():
                    nonlocal __own
                    __own += 1
                    return __own
                return inner(), __total
            class Inner:
                def get(self, car): return car.__speed
        class ___: 
            def f(self): self.__x = 1; return vars(self)
        car = _Car()
        print(car.go(), car.count(), sorted(n for n in globals() if "total" in n), ___().f())
        show(lambda: _Car.Inner().get(car))
        """,
    "names that many use": """
        def f(print, value):
            def g():
                nonlocal print
                print = value
            g()
            return print
        show(lambda: f(1, 2))
        len_ = len
        def h(list, sorted=sorted): return sorted(list), len_(list)
        print(h([2, 1]))
        """,
}

MEANING = {
    "docstrings": '''
        """The module."""
        from __future__ import annotations
        count: int = 0
        class A:
            """The class."""
            x: int = len([1])
            y: Undefined
            def f(self) -> Nothing:
                """The function."""
                global count
                count = self.x
                v: Nothing = 1
                def g():
                    nonlocal v
                    "not a docstring of f"
                    v += 1
                g()
        print(__doc__, A.__doc__, A.f.__doc__, A.__annotations__, A.f.__annotations__, __annotations__)
        def only():
            """Only this."""
        print(only.__doc__, only())
        ''',
    "slots and descriptors": """
        class Logged:
            def __set_name__(self, owner, name): self.name = "_" + name
            def __get__(self, obj, owner=None): return self if obj is None else getattr(obj, self.name)
            def __set__(self, obj, new): print("set", new); setattr(obj, self.name, new)
            def __delete__(self, obj): print("delete"); delattr(obj, self.name)
        class A:
            __slots__ = ("_x", "y")
            x = Logged()
            @property
            def double(self): return self.x * 2
            @double.setter
            def double(self, new): self.x = new // 2
        a = A(); a.x = 3; a.x += 1; a.double += 2; print(a.x, a.double, type(A.x).__name__); del a.x
        def wrong(): a.z = 1
        show(wrong); show(lambda: a.y); show(lambda: a.double)
        """,
    "dataclasses": """
        from dataclasses import dataclass, field, asdict, replace
        from typing import ClassVar
        @dataclass(order=True, slots=True)
        class P:
            x: int
            y: list = field(default_factory=list)
            kind: ClassVar[str] = "p"
        @dataclass(frozen=True)
        class F:
            a: int = 0
            def up(self): self.a += 1
        p = P(1); p.x += 1; p.y.append(2); print(p, asdict(p), replace(p, x=9) > p, P.__match_args__)
        show(F().up)
        match p:
            case P(x=2, y=[first]): print(first)
        """,
    "enums": """
        from enum import Enum, Flag, IntEnum, auto
        class Color(Enum):
            RED = auto()
            GREEN = 5
            BLUE = GREEN + 1
            ALIAS = GREEN
            @property
            def low(self): return self.name.lower()
            @classmethod
            def first(cls): return cls.RED
        class Perm(Flag):
            R, W = 1, 2
            RW = R | W
        print(list(Color), Color.ALIAS, Color.BLUE.low, Color.first(), Perm.RW, Color["RED"], Color(5))
        def name(c):
            match c:
                case Color.RED: return "r"
                case Color.GREEN | Color.BLUE: return "gb"
        print(name(Color.RED), name(Color.BLUE), len(Color))
        def wrong(): Color.RED = 3
        show(wrong)
        """,
    "named tuples and types": """
        from collections import namedtuple
        from typing import NamedTuple, TypeVar, Generic, Protocol, TypedDict
        P = namedtuple("P", ["x", "y"])
        class Q(NamedTuple):
            a: int
            b: list[int] = [1, 2][:1]
        T = TypeVar("T")
        class Box(Generic[T]):
            def __init__(self, v: T) -> None: self.v: T = v
        class D(TypedDict): k: dict[str, list[int]]
        print(P(1, 2).x, P.__module__, Q(1).b, Box[int](3).v, T.__module__, D(k={}), Q.__annotations__, Box.__init__.__annotations__)
        """,
    "metaclasses that answer for all names": """
        class Names(dict):
            def __missing__(self, key):
                if key == "__name__": raise KeyError(key)
                lines.append(f"asked for {key}")
                self[key] = len(self)
                return self[key]
        class Meta(type):
            @classmethod
            def __prepare__(meta, name, bases, **more): return Names(more)
            def __new__(meta, name, bases, namespace, **more): return super().__new__(meta, name, bases, dict(namespace))
            def __init__(cls, name, bases, namespace, **more): super().__init__(name, bases, namespace)
        class A(metaclass=Meta, extra=[1]):
            red, green
            y = [blue]
            z = y[0]
        print(A.red, A.green, A.y, A.z, A.extra)
        """,
    "super": """
        class A:
            n = 1
            def f(self): return "A.f"
            @classmethod
            def make(cls): return cls.__name__
            @property
            def p(self): return 1
        class B(A):
            def f(self): s = super(); return "B" + super().f() + s.f() + super(B, self).f(), super().n, super().p
            @classmethod
            def make(cls): return super().make(), super().n
            def me(self): return __class__, [super(B, self).f() for _ in range(1)]
        print(B().f(), B.make(), B().me())
        """,
    "match": """
        class P:
            __match_args__ = ("x", "y")
            def __init__(self, x, y): self.x, self.y = x, y
        class K: A = 1; B = {"n": 2}
        def f(s):
            match s:
                case P(x=K.A, y=y) if y > K.B["n"]: return "first", y
                case P(a, b): return "second", a, b
                case [K.A, *rest]: return "list", rest
                case {"k": K.A, **more}: return "dict", more
                case str() as text: return text
                case (1 | 2) as n: return "number", n
                case None: return "none"
            return "no"
        print([f(s) for s in (P(1, 3), P(1, 1), [1, 2, 3], {"k": 1, "z": 2}, "text", 2, None, 3.5)])
        p = P(1, 2)
        match p.x, p.y:
            case 1, z: print(z)
        """,
    "async": """
        import asyncio
        class Res:
            async def __aenter__(self): self.n = 1; return self
            async def __aexit__(self, *_): self.n += 1
            def __aiter__(self): self.i = 0; return self
            async def __anext__(self):
                self.i += 1
                if self.i > 2: raise StopAsyncIteration
                return self.i
        async def later(x): await asyncio.sleep(0); return x
        async def main():
            box = Res()
            async with Res() as box.res: box.x = await later(3)
            box.x += await later(4)
            box.xs = [i async for i in box]
            async for box.y in Res(): print(box.y)
            out = [await later(i) for i in box.xs]
            n = 0
            async def bump():
                nonlocal n
                n += await later(1)
            await asyncio.gather(bump(), bump())
            return box.x, box.xs, out, box.res.n, n, [x async for x in agen(box)]
        async def agen(box):
            for x in box.xs:
                box.last = yield x
        print(asyncio.run(main()))
        """,
    "generators": """
        class A:
            def __init__(self): self.n = 0
            def count(self):
                while self.n < 3:
                    self.n += 1
                    self.got = yield self.n
            def all(self): self.result = yield from self.count(); return self.result
        a = A(); it = a.all()
        print(next(it), it.send("x"), a.got, list(it), a.result)
        def echo():
            a = probe("a")
            a.x = yield 1
            a.y += yield 2
            a[(yield 3)] = yield 4
            del a[(yield 5)]
        it = echo(); print([next(it)] + [it.send(c) for c in "abcd"])
        show(lambda: it.send("e"))
        """,
    "decorators and defaults": """
        def deco(*names):
            print("made", names)
            def wrap(f): print("wrapped", getattr(f, "__qualname__", f)); return f
            return wrap
        class K: d = [deco]; n = 3
        @deco(K.n)
        @K.d[0]("x")
        def f(a, b=K.n, *c, d=[K.n], **e): d.append(a); return b, d
        @K.d[0]("class")
        class C:
            @deco("method")
            def m(self, x=K.n): return x
        print(f(1), f(2), C().m(), f.__defaults__, f.__kwdefaults__)
        from functools import lru_cache, wraps, cached_property
        class M:
            calls = 0
            @lru_cache(maxsize=None)
            def slow(self, n): self.calls += 1; return n
            @cached_property
            def once(self): self.calls += 1; return self.calls
        m = M(); m.slow(1); m.slow(1); print(m.calls, m.once, m.once, vars(m))
        """,
    "try and groups": """
        class E(Exception):
            def __init__(self, *a): super().__init__(*a); self.code = 3
        def f(kind):
            try:
                try:
                    if kind: raise kind
                except E as e:
                    e.code += 1
                    return e.code
                else: return "else"
                finally: print("finally")
            except KeyError as e: return e.args[0]
        print(f(E()), f(None), f(KeyError("k")))
        show(lambda: f(ValueError("v")))
        class Box: errors = []
        try: raise ExceptionGroup("g", [ValueError(1), KeyError(2)])
        except* ValueError as g: Box.errors.append(g.exceptions[0].args)
        except* KeyError as g: Box.errors += [g.exceptions]
        print(Box.errors)
        def chain():
            try: Box.nothing
            except AttributeError as e: raise E("outer") from e
        show(chain)
        """,
    "containers": """
        from collections import Counter, OrderedDict, defaultdict, deque
        d, l, s, q, b = {"a": 1}, [3, 1, 2], {1, 2}, deque([1, 2]), bytearray(b"abc")
        d.update(b=2); d.setdefault("c", []).append(3); d["a"] += 1; print(d.pop("b"), d.get("z", 0), d.items(), d.keys(), d.popitem())
        l.sort(reverse=True); l.insert(0, 9); l.extend(x for x in l[:1]); l[1:2] = [7, 7]; del l[0]; l += [1]; l *= 2; print(l, l.index(7), l.count(7))
        s.add(3); s.discard(1); s |= {5}; print(s, s.union([6]), 5 in s)
        q.appendleft(0); q.rotate(1); q[0] += 1; print(q, q.popleft())
        b.append(100); b[0] = 65; b[1:2] = b"xy"; print(b, b.find(b"d"))
        dd = defaultdict(list); dd["k"].append(1); dd["n"] += [2]; print(dict(dd), Counter("abca").most_common(1))
        print({**d, "k": [*l]}, [*s, *q], dict(d, z=1), dict([(1, 2)]), len(d), sorted(l), list(zip(l, q)), "x".join(["a"]), "a-b".split("-"))
        for k in d: print(k, d[k])
        for i, x in enumerate(l): print(i, x)
        print([x for x in l if x in s], {x: 1 for x in l}, any(l), sum(l), max(l), min(l, key=lambda x: -x), [0] * 2 + l)
        m = memoryview(bytearray(4)); m[0] = 1; print(m.tobytes())
        show(lambda: d["nothing"]); show(lambda: l[99]); show(lambda: (1).append(2)); show(lambda: [][0])
        """,
    "what calls see of their caller": """
        import sys
        def who(): return sys._getframe(1).f_code.co_name, sys._getframe(1).f_lineno
        class A: pass
        def f():
            a = A()
            a.who = who()
            x = 1
            return a.who, sorted(locals()), [who()], {"k": who()}, len(dir()), sorted(vars()), eval("x + 1")
        print(f(), "f" in globals(), f.__code__.co_varnames, f.__code__.co_name, f.__code__.co_firstlineno)
        import inspect, warnings
        print(inspect.signature(f), inspect.getsource(A.__class__ and f).splitlines()[0], inspect.getdoc(f))
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            def old(): warnings.warn("old", DeprecationWarning, stacklevel=2)
            old()
            print(seen[0].lineno, seen[0].filename == __file__)
        """,
    "annotations": """
        import typing
        class K: T = int
        def f(a: K.T, *b: "K", c: K.T = 3, **d: list[K.T]) -> K.T:
            x: K.T = a
            self = typing.cast(typing.Any, K)
            self.y: K.Missing = c
            self.z: K.Missing
            (w): K.Missing = 2
            return x
        class C:
            a: K.T
            b: K.T = len([])
            K.new: K.T = 5
        x: K.T
        K.other: value(K.T) = value(3)
        [0, 1][0]: value(1) = value(2)
        print(f(1), f.__annotations__, C.__annotations__, __annotations__, K.y, K.new, typing.get_type_hints(f))
        show(lambda: x)
        """,
    "global at the top": """
        global top
        top = 1
        def f(): return top.real
        print(f())
        if __debug__: print("debug")
        exec("made = 3"); print(made)
        from os.path import *
        print(join("a", "b"), basename("a/b"))
        """,
    "odd but right": """
        a = probe("a")
        (a).x = 1; (a.x) += 1
        (a.y): int = 3
        b = c = a.z
        a.__class__.extra = 1; print(a.__class__.__name__)
        print(*(i for i in (1, 2)), sep_ := 3)
        lambda: (yield)
        print((lambda *x, **y: (x, y))(*[1], **{"k": a.v}))
        print({**{"a": 1}, **dict(b=2)}, [*range(2)], "%s" % a.q, "".join(map(str, [1])), 3 .real, "text".upper(), f"{3:{4}}")
        x = 5; x += x; x -= 1; print(x, x.bit_length(), -x.real, (1, 2)[0], "abc"[1], [1, 2][-1], {"a": 1}["a"])
        print(not a.x, a.x is None, a.x != None, ~x, 1 if a else 2)
        def f(): return
        def g(): a.x; a[0]; a.f(); "no docstring"; ...
        f(); g()
        """,
}

ERRORS = {
    "attributes": """
        class A:
            value = 1
            def load(self): return 1 + self.valve + 2
            def store(self): (1).real = self.value
            def delete(self): del self.missing
            def call(self): return self.missing(1, 2)
            def method(self): return self.append(1).foo
            def deep(self): return self.value.real.imag.nothing.more
            def none(self):
                x = None
                x.y = 1
        for f in ("load", "store", "delete", "call", "method", "deep", "none"): show(getattr(A(), f))
        """,
    "items": """
        def load(): d = {}; return (d["a"] + d["b"])
        def store(): (1, 2)[0] = 3
        def store_tuple(): t = (1, 2); t[0] = 3
        def delete(): d = {}; del d["x"]
        def index(): l = [1]; return l[1][2]
        def kind(): l = [1]; return l["a"]
        def slices(): x = 5; return x[1:2]
        def unhashable(): d = {}; d[[]] = 1
        for f in (load, store, store_tuple, delete, index, kind, slices, unhashable): show(f)
        """,
    "targets": """
        class A: __slots__ = ("x",)
        a = A()
        def loop():
            for a.y in (1, 2): pass
        def unpack(): a.x, a.y = 1, 2
        def short(): a.x, a.x = 1,
        def with_(): 
            with probe("p") as a.z: pass
        def chain(): a.x = a.y = 3
        def item(): a.x, (1)[0] = 1, 2
        def update(): a.y += [1]
        def slot_update(): a.x = 1; a.x += value("text")
        for f in (loop, unpack, short, with_, chain, item, slot_update): show(f)
        """,
    "wholes": """
        def loop():
            for x in 3: pass
        def inside(): n = 3; return 1 in n
        def length(): n = 3; return len(n)
        def star(): n = 3; return print(*n)
        def named(): n = 3; return print(**n)
        def listed(): n = 3; return [*n]
        def comp(): n = 3; return [x for x in n]
        def gen(): n = 3; return list(x for x in n)
        def unpacked(): n = [1]; a, b = n
        def zipped(): return list(zip([1], 3))
        def order(): return sorted([1, "a"])
        for f in (loop, inside, length, star, named, listed, comp, gen, unpacked, zipped, order): show(f)
        """,
    "names": """
        def undefined(): return nothing + 1
        def fix():
            global counter
            counter = 1
        def use(): return (counter + nothing2)
        show(undefined); show(use); fix(); show(use)
        show(lambda: countr)
        """,
    "in the middle of lines": """
        class A: pass
        a = A()
        a.b = {"k": [1, 2]}
        def first(): return a.b["k"][0] + a.b["k"][5] + a.b["z"]
        def second(): return first() + a.c
        def third():
            return (
                a.b["k"]
                [0]
                + a.b[
                    "q"
                ]
            )
        def fourth():
            return (a
                .b
                .get("k")
                .nothing
                .more)
        def fifth():
            a.b.update(
                [1,
                 2],
            )
        def sixth():
            a.b["k"][
                7
            ] = (
                1
            )
        def seventh(): x = 1; x.real.append(x) if x else None
        def eighth(): ü = "é" + a.ñ; return ü
        for f in (first, second, third, fourth, fifth, sixth, seventh, eighth): show(f)
        """,
    "through hooks": """
        class A:
            @property
            def p(self): return self.q
            @p.setter
            def p(self, v): self.r[v]
            @p.deleter
            def p(self): del self.q
            def __getattr__(self, name): raise AttributeError(f"no {name} here")
            def __getitem__(self, k): return k.x
            def __setitem__(self, k, v): v.y
            def __iter__(self): raise ZeroDivisionError
            def __contains__(self, x): return x.z
            def __len__(self): return -1
            def __iadd__(self, other): return other.nothing
        a = A()
        def store(): a.p = 1
        def delete(): del a.p
        def loop():
            for a.p in (1,): pass
        def put(): a[1] = 2
        def update(): b = [a]; b[0] += value(5)
        for f in (lambda: a.p, store, delete, loop, lambda: a[1], put, lambda: list(a), lambda: 1 in a, lambda: len(a), update): show(f)
        """,
    "stops": """
        class A:
            def __getattr__(self, name): raise StopIteration(name)
            def __getitem__(self, i):
                if i > 2: raise IndexError
                return i
        a = A()
        def gen(): yield a.x
        show(lambda: next(gen())); show(lambda: a.y); print(list(a), [x for x in a], 2 in a)
        try: a.z
        except StopIteration as s: print(s.value, s.__context__)
        raise KeyError("at the top")
        """,
    "recursion": """
        class A:
            def f(self): return self.f()
        try: A().f()
        except RecursionError as error: print(type(error).__name__)
        """,
}

PROGRAMS = {
    f"{kind}: {name}": source
    for kind, group in (("order", ORDER), ("scopes", SCOPES), ("meaning", MEANING), ("errors", ERRORS))
    for name, source in group.items()
}

if sys.version_info >= (3, 12):
    PROGRAMS["meaning: type parameters"] = """
        type Pair[T] = tuple[T, T]
        class Box[T: (int, str)]:
            def __init__(self, v: T): self.__v = v; self.log = [v]
            def get[U](self, other: U = None) -> T | U: self.log.append(other); return self.__v
        def f[T](x: T, y: list[T] = [1]) -> T:
            n = 0
            def g[V](v: V) -> V:
                nonlocal n
                n += 1
                return v, n, T, V
            return g(x)[:2], y
        print(Box(1).get(), f(2), Pair.__value__, Box.__type_params__, f.__annotations__, Box.get.__annotations__)
        class Sub[T](Box[T], dict[str, T]): pass
        print(Sub.__orig_bases__, f"{"nested" + f"{Box("q").get()}"}")
        """
