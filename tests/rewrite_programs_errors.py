"""Programs that fail: the errors, and the places in their tracebacks."""

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
        for f in (first, second, third, fifth, sixth, seventh, eighth): show(f)
        """,
    "chains over lines": """
        class A: pass
        a = A()
        a.b = {"k": [1, 2]}
        def f():
            return (a
                .b
                .get("k")
                .nothing
                .more)
        show(f)
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
        for f in (lambda: a.p, store, delete, loop): show(f)
        for f in (lambda: a[1], put, lambda: list(a), lambda: 1 in a, lambda: len(a), update): show(f)
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
