"""Programs about what statements and classes mean."""

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
        print(P(1, 2).x, P.__module__, Q(1).b, Box[int](3).v, T.__module__, D(k={}))
        print(Q.__annotations__, Box.__init__.__annotations__)
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
        class Odd:
            global __class__
            __class__ = 42
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
        d.update(b=2); d.setdefault("c", []).append(3); d["a"] += 1
        print(d.pop("b"), d.get("z", 0), d.items(), d.keys(), d.popitem())
        l.sort(reverse=True); l.insert(0, 9); l.extend(x for x in l[:1]); l[1:2] = [7, 7]; del l[0]; l += [1]; l *= 2
        print(l, l.index(7), l.count(7))
        s.add(3); s.discard(1); s |= {5}; print(s, s.union([6]), 5 in s)
        q.appendleft(0); q.rotate(1); q[0] += 1; print(q, q.popleft())
        b.append(100); b[0] = 65; b[1:2] = b"xy"; print(b, b.find(b"d"))
        dd = defaultdict(list); dd["k"].append(1); dd["n"] += [2]; print(dict(dd), Counter("abca").most_common(1))
        print({**d, "k": [*l]}, [*s, *q], dict(d, z=1), dict([(1, 2)]), len(d), sorted(l))
        print(list(zip(l, q)), "x".join(["a"]), "a-b".split("-"))
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
