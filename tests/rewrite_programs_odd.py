"""Programs that rewriting could well break."""

ODD = {
    "attributes of what the compiler evaluates": """
        def f(a, b):
            print((-1).bit_length(), (-2).real, (1 + 0).real, __debug__.real, (1, 2)[0].real, (+1).real, (~0).real, (not 1).real)
            print(("%s-%s" % (a, b)).title(), ("a" + "b").title(), (1.0 + 2).hex(), "ab"[0].title(), (2**3).real, (1j * 2).imag)
            print((-1).numerator.bit_length(), (1 if a else 2).real, (0 or 1).real, (b"a" b"b").hex(), (...).__class__, (-a).real)
            for change in (lambda: setattr(-1, "x", 2), lambda: delattr(1 + 1, "x")): show(change)
            try: (-1).x = 5
            except AttributeError as error: print(error)
            try: (-1).x += 5
            except AttributeError as error: print(error)
        f(1, 2)
        """,
    "a finally clause that is compiled twice": """
        def f():
            n = 0
            def g():
                nonlocal n
                try:
                    n += 1
                    return n
                finally:
                    n = n + 10
                    del_me = n
            return g(), n, (lambda: n)()
        print(f())
        """,
    "closures in comprehensions of class bodies": """
        def f():
            k = 0
            def bump():
                nonlocal k
                k += 1
                return k
            class A:
                xs = [bump() + k for _ in range(3)]
                ys = [(lambda: k + z)() for z in xs]
                gs = list(k for _ in range(2))
            return A.xs, A.ys, A.gs
        print(f())
        """,
    "eval and locals": """
        def f():
            n = 1
            def g():
                nonlocal n
                n = eval('n + 1')
                return sorted(locals().items())
            return g(), n, locals()['n']
        print(f())
        """,
    "functions made with other cells": """
        import types
        def mk():
            n = 0
            def inc():
                nonlocal n
                n += 1
                return n
            return inc
        f = mk(); c = types.CellType(41)
        g = types.FunctionType(f.__code__, globals(), 'g', None, (c,))
        print(g(), c.cell_contents, f())
        """,
    "asynchronous comprehensions": """
        import asyncio
        async def f():
            n = 0
            async def it():
                for i in range(3): yield i
            r = [(n := n + i) async for i in it() if (m := i) or True]
            fs = [lambda: n async for i in it()]
            n += 5
            return r, n, m, fs[0]()
        print(asyncio.run(f()))
        """,
    "nested targets": """
        class A: pass
        a = A(); d = {}
        def f():
            global q
            for a.x, (d['k'], *a.rest), q in [(1, (2, 3, 4), 5)]:
                print(a.x, d, a.rest, q)
        f()
        with open(__file__) as a.f, open(__file__) as d['f']: print(a.f.closed, d['f'].name == __file__)
        """,
    "displays with stars": """
        def v(x): print(x); return x
        d = {v('a'): v(1), **v({'z': 2}), v('b'): v(3)}
        print(d, {**{}, **d}, [*d, *[1]], {*d})
        print(v(d)[v('a')], v([1,2,3])[v(0):v(2)])
        """,
    "an object that logs its accesses": """
        class A:
            def __setattr__(self, k, val):
                print('set', k); object.__setattr__(self, k, val)
            def __getattribute__(self, k):
                if not k.startswith('__'): print('get', k)
                return object.__getattribute__(self, k)
        a = A(); a.b = a.c = [0]; a.b[0] += 1; a.b += [3]; a.c[0], a.z = 5, a.b
        print(vars(a))
        """,
    "updates without methods for it": """
        class N:
            def __init__(s, v): s.v = v
            def __add__(s, o): print('add'); return N(s.v + (o.v if isinstance(o, N) else o))
            def __radd__(s, o): print('radd'); return s.v + o
            def __imul__(s, o): return NotImplemented
        class H: pass
        h = H(); h.n = N(1); h.n += 2; h.m = 3; h.m += h.n; print(h.n.v, h.m)
        def bad(): h.n *= 2
        try: bad()
        except TypeError as e: print(e)
        def bad2(): h.s = 'a'; h.s += 1
        try: bad2()
        except TypeError as e: print(e)
        h.t = (1,); h.l = [1]; old = h.l; h.t += (2,); h.l += (2,); print(h.t, h.l is old)
        t = ([1],)
        try: t[0] += [2]
        except TypeError as e: print(e, t)
        """,
    "a generator that is closed": """
        def f():
            log = []
            state = 0
            def g():
                nonlocal state
                try:
                    while True:
                        state += 1
                        yield state
                finally:
                    state = 'closed'
            i = g(); next(i); next(i); i.close()
            return state
        print(f())
        """,
    "private names of many kinds": """
        class A:
            def __init__(self): self.__v = 0
            @property
            def v(self): return self.__v
            @v.setter
            def v(self, x): self.__v = x
            __slots__ = ('__v', '__dict__')
            __hidden = [__x for __x in range(3)]
            def g(self, __p=1):
                def h():
                    nonlocal __p
                    __p += 1
                    return __p
                return h(), self.__hidden
        a = A(); a.v += 5; print(a.v, a.g(), sorted(vars(A))[:3])
        """,
    "globals of a class body": """
        def f():
            class A:
                global zz
                import os.path as zz
                from math import pi
                r = pi
            return A.r, zz.__name__
        print(f(), zz.sep)
        def later():
            global zz
            zz = 3
        later(); print(zz)
        """,
    "names of except*": """
        def f():
            def use(): return eg
            eg = None
            try:
                raise ExceptionGroup('x', [ValueError(1), TypeError(2)])
            except* ValueError as eg:
                r = str(use())
            except* TypeError as eg:
                r += str(eg.exceptions)
            try: eg
            except UnboundLocalError as e: r += str(e)
            return r
        print(f())
        """,
    "copies": """
        import pickle, copy
        class A:
            def __init__(self): self.x = [1]
            def __reduce__(self): return (A, (), self.__dict__)
            def __getattr__(self, n):
                if n == 'lazy': self.lazy = 5; return 5
                raise AttributeError(n)
        a = A(); a.x.append(2)
        b = copy.deepcopy(a); b.x += [3]
        print(a.x, b.x, a.lazy, pickle.loads(pickle.dumps(a)).x, hasattr(a, 'no'), getattr(a, 'no', 1))
        """,
    "postponed annotations": """
        from __future__ import annotations
        import typing
        class Node:
            next: Node | None = None
            kids: list[Node]
            def link(self, other: Node = None, *, f=lambda s: s.kids) -> Node.missing:
                self.kids = [other]; self.n: typing.Optional[Nope] = other
                return f(self)
        print(Node().link(3), Node.link.__annotations__, Node.__annotations__)
        """,
    "strings": """
        class A: x = 3.14159; w = 10; d = {'k': [1]}
        a = A()
        print(f"{a.x:{a.w}.{a.d['k'][0]}f}|{a.d['k']!r}|{a.x=}|{ {'z': a.x}['z']:.1f}")
        print('%s %s' % (a.x, a.w), '{0.x}'.format(a), 'a,b'.split(',')[0], ' '.join(c for c in 'abc'))
        """,
    "closures three deep": """
        def a():
            x = 1
            def b():
                y = 1
                def c():
                    nonlocal x, y
                    x += y; y += x
                    def d():
                        nonlocal x
                        x = x * 2
                        return x, y
                    return d
                return c()
            r = b()()
            x += 100
            return r, x
        print(a())
        """,
    "super in nested functions": """
        class B:
            def f(self): return 'B'
            reg = []
            def __init_subclass__(cls, **k): super().__init_subclass__(**k); cls.reg.append(cls.__name__)
        class C(B):
            def f(self):
                def inner(): return super(C, self).f() + __class__.__name__
                return inner() + super().f() + getattr(super(), 'f')() + (lambda: super(C, self).f())()
            def __setattr__(self, k, v): super().__setattr__(k, v)
        c = C(); c.z = 1; c.z += 1; print(c.f(), c.z, B.reg)
        """,
    "a flag": """
        done = False
        def stop():
            global done
            done = True
        n = 0
        while not done:
            n += 1
            if n < 3: continue
            stop()
        else:
            print('else', n, done)
        """,
    "a variable deleted in a loop": """
        def f():
            for i in range(3):
                x = i
                g = lambda: x
                print(g())
                del x
            try: g()
            except NameError as e: print(type(e).__name__, e, getattr(e, 'name', None))
        f()
        """,
    "chains of calls": """
        def v(x): print('v', x); return x
        class A:
            def m(self, *a, **k): print(a, k); return self
            @property
            def p(self): print('p'); return self
        A().m(v(1), *v([2]), k=v(3), **v({'z': 4})).p.m(v(5)).p.m(*v((6,)))
        A().p.update(v(1)) if hasattr(A, 'update') else print('no')
        try: A().append(v(1))
        except AttributeError as e: print(e)
        """,
    "patterns with closure variables": """
        import enum
        class C(enum.Enum): A = 1; B = 2
        cur = C.A
        def set_():
            global cur
            cur = C.B
        def f(x):
            k = C
            k2 = lambda: k
            k = C
            match x:
                case k.A: return 'A'
                case k.B if cur is C.B: return 'B!'
                case k.B: return 'B'
        print(f(C.A), f(C.B)); set_(); print(f(C.B), cur)
        """,
    "a function defined twice": """
        def f(n):
            if n:
                def g(): return 1
            else:
                def g(): return 2
            h = lambda: g()
            return g() + h()
        print(f(0), f(1))
        """,
    "frames": """
        import sys
        def f():
            x = 1
            def g():
                nonlocal x
                x += 1
                return sorted(sys._getframe(0).f_locals), sys._getframe(1).f_locals['x'], sys._getframe(1).f_code.co_name
            return g()
        print(f())
        """,
    "classes and their dictionaries": """
        class A: pass
        class B: y = 2
        a = A(); a.__class__ = B; a.__dict__['q'] = 1; a.__dict__.update(z=2)
        print(a.y, a.q, a.z, type(a).__name__, type('T', (A,), {'k': [1]})().k)
        """,
    "names bound in annotations": """
        def change():
            global y, z
            y = z = 'global'
        change()
        def f():
            def g(x: (y := 3), *a: [i for i in range(2)]) -> (lambda: y): return x
            return y, g(1), g.__annotations__['return'](), g.__annotations__['a']
        class A:
            x: (z := 4) = 5
            t = z
        print(f(), A.t, y, z)
        """,
    "more constants than fit in a byte": """
        def f():
            n = 0
            def g():
                nonlocal n
                names = [MANY]
                n = n + len(names)
                n += names[-1]
                n += names[0] if names else 0
                return n
            return g() + g(), n
        print(f())
        """.replace("MANY", ", ".join(str(i + 0.5) for i in range(300))),
    "recursion and its limit": """
        import sys
        class Tree:
            def __init__(self, depth):
                self.n, self.kids = 1, []
                for _ in range(2 if depth else 0):
                    self.kids.append(Tree(depth - 1))
            def count(self): return self.n + sum(kid.count() for kid in self.kids)
            def walk(self):
                yield self
                for kid in self.kids: yield from kid.walk()
        print(Tree(5).count(), len([*Tree(4).walk()]), sys.getrecursionlimit())
        """,
    "objects that come and go": """
        import gc, weakref
        class A:
            def __del__(self): print('gone', self.n)
        def f():
            a = A(); a.n = 1; w = weakref.ref(a)
            a.me = [a]; del a.me
            del a
            return w()
        print(f())
        A().n = 2
        b = A(); b.n = 3; b = None; print('end')
        [A() for _ in ()]; x = A(); x.n = 4; x = A(); x.n = 5; del x
        """,
    "stars everywhere": """
        def f(*a, **k): return a, k
        def g():
            yield 1, *[2, 3]
            return *(4,), 5
        it = g(); print(next(it))
        try: next(it)
        except StopIteration as s: print(s.value)
        print(f(*[1], *(2,), **{'a': 1}, **dict(b=2)), [*{1: 2}], (*'ab',), {*[1]}, {**{}, 'z': 1})
        for x in *[1], *[2]: print(x)
        a, *b = *[1], 2, 3; (c, *_), *d = [[1, 2], 3]; print(a, b, c, d)
        """,
    "a module's own lookup of attributes": """
        import sys
        def __getattr__(name): return 'made ' + name
        me = sys.modules[__name__]
        print(me.anything, me.__name__, hasattr(me, 'x')); me.x = 5; me.x += 1; print(x, me.x); del me.x; print(me.x)
        """,
    "context managers of several kinds": """
        import contextlib
        class Box: pass
        box = Box(); box.log = []
        @contextlib.contextmanager
        def note(name):
            box.log.append(name)
            try: yield name
            except KeyError as e: box.log.append(e.args)
            finally: box.log += ['end ' + name]
        with note('a') as box.a, note('b') as (box.x): raise KeyError(box.a)
        with (note('c') as c, contextlib.ExitStack() as box.stack):
            box.stack.enter_context(note('d'))
            box.stack.callback(box.log.append, 'cb')
        print(box.log, c)
        """,
}
