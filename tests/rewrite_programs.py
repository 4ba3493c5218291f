"""Programs about the order of evaluation and about scopes, and all others (see `rewriting`)."""

import sys

from rewrite_programs_errors import ERRORS
from rewrite_programs_meaning import MEANING
from rewrite_programs_odd import ODD

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
        a.f(list(value(1) for _ in a.items()))
        a[0](a[1])
        a.f()()
        print(len(a), list(a), sorted(a), max(a), sum(a), any(a), set(a), dict(enumerate(a)))
        print(list(zip(a, a.b)), list(reversed([1, 2])))
        print(list(map(str, a)), list(filter(None, a)), max(1, 2), next(iter(a)))
        print(min(a, key=lambda x: -x), tuple(a), [*a], {**{"a": 1}})
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

PROGRAMS = {
    f"{kind}: {name}": source
    for kind, group in (("order", ORDER), ("scopes", SCOPES), ("meaning", MEANING), ("errors", ERRORS), ("odd", ODD))
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
