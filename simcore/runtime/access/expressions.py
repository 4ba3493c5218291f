"""Rewrites expressions and targets: in the place of each access stands a call of its hook, evaluated in the same order."""

import _ast as ast
from collections.abc import Callable
from typing import Any, Final

from simcore.runtime.access import nodes
from simcore.runtime.access.nodes import STORE, Where, where, where_attribute
from simcore.runtime.access.placed import DISPLAYS, UNSHARED, Found, Placed
from simcore.runtime.access.scopes import Kind, Place
from simcore.runtime.access.spots import FRESH, METHODS, NAMED, READERS, SCALARS, Way, What


class Expressions(Placed):
    """Rewrites within one scope at a time; nodes are changed in place where nothing else is to stand there."""

    def value(self, node: Any, born: bool = True) -> Any:
        """An expression that is read; `born`: whether what it evaluates to may be a new object that is accessed later."""
        method = _VALUES.get(type(node))
        if method is None:
            return self.parts(node)
        return method(self, node, born)

    def unborn(self, node: Any) -> Any:
        """An expression whose value is used up at once."""
        return self.value(node, False)

    def parts(self, node: Any) -> Any:
        """Rewrite what a node consists of."""
        for field in node._fields:
            part = getattr(node, field, None)
            if isinstance(part, ast.AST):
                setattr(node, field, self.value(part))
            elif type(part) is list:
                part[:] = [self.value(item) if isinstance(item, ast.AST) else item for item in part]
        return node

    def unborn_parts(self, node: Any, _born: bool) -> Any:
        """The same where these values are used up at once."""
        for field in node._fields:
            part = getattr(node, field, None)
            if isinstance(part, ast.expr):
                setattr(node, field, self.unborn(part))
        return node

    def birth(self, node: Any, place: Where) -> Any:
        """Mark what may be a new object."""
        return self.call("born", [node], place)

    def whole(self, node: Any, field: str) -> Any:
        """An expression whose value is read as a whole."""
        if isinstance(node, UNSHARED):
            return self.unborn(node)
        if isinstance(node, ast.Call) and self.is_builtin(node.func) and node.func.id in FRESH:  # type: ignore[attr-defined]
            return self.unborn(node)
        place = where(node)
        value = self.value(node)
        return self.call("whole", [value, self.spot(What.WHOLE, field, place)], place)

    def test(self, node: Any) -> Any:
        """An expression that is only asked whether it is true."""
        if isinstance(node, ast.BoolOp):
            node.values = [self.test(part) for part in node.values]
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self.test(node.operand)
            return node
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            return self.unborn(node)
        place = where(node)
        return self.call("is_true", [self.unborn(node), self.spot(What.WHOLE, "bool", place)], place)

    def _unary(self, node: ast.UnaryOp, _born: bool) -> Any:
        if isinstance(node.op, ast.Not):
            return self.test(node)
        node.operand = self.unborn(node.operand)
        return node

    def _constant(self, node: Any, _born: bool) -> Any:
        return node

    def _name(self, node: ast.Name, _born: bool) -> Any:
        if self.place(node.id) == Place.OWN:
            return node
        return self.variable("load_", [], node.id, [], where(node))

    def _attribute(self, node: ast.Attribute, _born: bool) -> Any:
        if self.is_left(node.value):
            node.value = self.unborn(node.value)
            return node
        if self.is_marked(node):
            return self.mark(node, Way.LOADS)
        place = where_attribute(node)
        value = self.value(node.value)
        return self.call("load_attr", [value, self.spot(What.ATTRIBUTE, self.field(node.attr), place)], place)

    def _subscript(self, node: ast.Subscript, born: bool) -> Any:
        if self.is_left_item(node):
            node.value, node.slice = self.unborn(node.value), self.value(node.slice)
            return node
        place, is_part = where(node), isinstance(node.slice, ast.Slice)
        value, key = self.value(node.value), self.value(node.slice)
        loaded = self.call("load_item", [value, key, self.spot(What.ITEM, "", place)], place)
        return self.birth(loaded, place) if is_part and born else loaded

    def _call(self, node: ast.Call, born: bool) -> Any:
        place, builtin = where(node), ""
        if isinstance(node.func, ast.Attribute):
            place = nodes.where_called(node, node.func)
            node.func = self._method(node.func)
        elif self.is_builtin(node.func):
            builtin = node.func.id  # type: ignore[attr-defined]
            called = NAMED.get(builtin) or ("length" if builtin == "len" else "")
            if called and self._takes(node, builtin):
                arguments = [self.value(part) for part in node.args]
                what, field = (What.WHOLE, builtin) if builtin == "len" else (What.ATTRIBUTE, "")
                made = self.call(called, [*arguments, self.spot(what, field, place)], place)
                return self.birth(made, place) if born and builtin == "getattr" else made
        else:
            node.func = self.value(node.func)
        readers = 0
        if builtin in READERS and node.args:
            readers = len(node.args) if builtin == "zip" else 1
            if builtin in ("min", "max", "iter") and len(node.args) > 1:
                readers = 0
            if builtin in ("map", "filter"):
                node.args = [self.value(node.args[0]), *(self._argument(part, builtin) for part in node.args[1:])]
                readers = -1
        if readers >= 0:
            node.args = [self._argument(part, builtin if i < readers else "") for i, part in enumerate(node.args)]
        for keyword in node.keywords:
            keyword.value = self.value(keyword.value) if keyword.arg else self.whole(keyword.value, "**")
        nodes.put(node, place)
        return self.birth(node, place) if born and builtin not in SCALARS else node

    def _takes(self, node: ast.Call, builtin: str) -> bool:
        """Whether a builtin is called with as many arguments as it takes."""
        if node.keywords or any(isinstance(part, ast.Starred) for part in node.args):
            return False
        if builtin == "len":
            return len(node.args) == 1 and not isinstance(node.args[0], UNSHARED)
        return len(node.args) in {"getattr": (2, 3), "setattr": (3,)}.get(builtin, (2,)) and not self.is_left(node.args[0])

    def _argument(self, node: Any, reader: str) -> Any:
        if isinstance(node, ast.Starred):
            return self.value(node)
        return self.whole(node, reader) if reader else self.value(node)

    def _method(self, node: ast.Attribute) -> Any:
        """What is called."""
        if self.is_left(node.value):
            return self._attribute(node, True)
        if isinstance(node.value, ast.Name) and self.scope.is_module(self.field(node.value.id)):
            if self.place(node.value.id) != Place.OWN:
                node.value = self.value(node.value)
            return node  # who replaces functions of a module while threads run is not looked for
        if node.attr not in METHODS:
            return self._attribute(node, True)
        place = where_attribute(node)
        value = self.value(node.value)
        return self.call("method", [value, self.spot(What.METHOD, self.field(node.attr), place)], place)

    def _display(self, node: Any, born: bool) -> Any:
        place = where(node)
        self.parts(node)
        return self.birth(node, place) if born else node

    def _dict(self, node: ast.Dict, born: bool) -> Any:
        for i, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            if key is None:
                node.values[i] = self.whole(value, "**")
            else:
                node.keys[i], node.values[i] = self.value(key), self.value(value)
        return self.birth(node, where(node)) if born else node

    def _starred(self, node: ast.Starred, _born: bool) -> Any:
        node.value = self.whole(node.value, "*")
        return node

    def _compare(self, node: ast.Compare, _born: bool) -> Any:
        node.left = self.unborn(node.left)
        if len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn)) and not isinstance(node.comparators[0], UNSHARED):
            place = where(node)
            thing = self.value(node.comparators[0])
            made = self.call("contains", [node.left, thing, self.spot(What.WHOLE, "in", place)], place)
            return made if isinstance(node.ops[0], ast.In) else nodes.put(ast.UnaryOp(ast.Not(), made), place)
        node.comparators = [
            self.whole(part, "in") if isinstance(operator, (ast.In, ast.NotIn)) else self.unborn(part)
            for operator, part in zip(node.ops, node.comparators, strict=True)
        ]
        return node

    def _either(self, node: ast.BoolOp, born: bool) -> Any:
        node.values = [self.value(part, born) for part in node.values]
        return node

    def _operation(self, node: ast.BinOp, born: bool) -> Any:
        makes_list = isinstance(node.left, DISPLAYS) or isinstance(node.right, DISPLAYS)
        node.left, node.right = self.unborn(node.left), self.unborn(node.right)
        return self.birth(node, where(node)) if makes_list and born else node

    def _choice(self, node: ast.IfExp, born: bool) -> Any:
        node.test = self.test(node.test)
        node.body, node.orelse = self.value(node.body, born), self.value(node.orelse, born)
        return node

    def _walrus(self, node: ast.NamedExpr, _born: bool) -> Any:
        node.value = self.value(node.value)
        if self.place(node.target.id) == Place.OWN:
            return node
        if self.scope.owner(self.field(node.target.id)).kind == Kind.LAMBDA:
            stored: Any = node  # nothing else makes it a variable of the lambda's
        else:
            stored = node.value
        return self.variable("store_", [stored], node.target.id, [], where(node))

    def _lambda(self, node: ast.Lambda, _born: bool) -> Any:
        self.defaults(node.args)
        outer, self.scope = self.scope, self.names.of(node)
        node.body = self.value(node.body)
        self.scope = outer
        return node

    def defaults(self, arguments: ast.arguments) -> None:
        """The defaults of parameters; annotations stay as they are."""
        arguments.defaults = [self.value(default) for default in arguments.defaults]
        arguments.kw_defaults = [default and self.value(default) for default in arguments.kw_defaults]

    def _comprehension(self, node: Any, born: bool) -> Any:
        place, first = where(node), node.generators[0]
        first.iter = self._iterated(first)
        outer, self.scope = self.scope, self.names.of(node)
        for generator in node.generators:
            if generator is not first:
                generator.iter = self._iterated(generator)
            again = [self._rebound(bound) for bound in _names_in(generator.target) if self.place(bound.id) == Place.CELL]
            generator.target = self.target(generator.target, keep=True)
            generator.ifs = [self.test(condition) for condition in generator.ifs]
            if again:  # a tuple that is not empty: always true
                generator.ifs.insert(0, nodes.put(ast.Tuple(again, nodes.LOAD), where(generator.target)))
        if isinstance(node, ast.DictComp):
            node.key, node.value = self.value(node.key), self.value(node.value)
        else:
            node.elt = self.value(node.elt)
        self.scope = outer
        return self.birth(node, place) if born and not isinstance(node, ast.GeneratorExp) else node

    def _iterated(self, generator: ast.comprehension) -> Any:
        return self.value(generator.iter) if generator.is_async else self.whole(generator.iter, "for")

    def _rebound(self, node: ast.Name) -> Any:
        return self.rebound(node.id, where(node))

    def rebound(self, name: str, place: Where) -> Any:
        """Record that a name is bound, behind what has bound it: for what binds names only."""
        return self.variable("store_", [nodes.name(name, place)], name, [], place)

    # Targets ------------------------------------------------------------------------------------------------------------------

    def target(self, node: Any, keep: bool = False) -> Any:
        """What is bound by anything but a plain assignment; `keep`: names stay."""
        if isinstance(node, (ast.Tuple, ast.List)):
            node.elts = [self.target(part, keep) for part in node.elts]
            return node
        if isinstance(node, ast.Starred):
            node.value = self.target(node.value, keep)
            return node
        if isinstance(node, ast.Name):
            return node if keep or self.place(node.id) == Place.OWN else self.reference(node)
        if self.is_left_target(node):
            return self.parts(node)
        if isinstance(node, ast.Attribute) and self.is_marked(node):
            return self.mark(node, Way.STORES)
        return self.reference(node)

    def reference(self, node: Any) -> Any:
        """What stands in the place of a target that is shared, and may be read there, too."""
        if isinstance(node, ast.Name):
            place = where(node)
            return nodes.put(ast.Attribute(self.variable("", [], node.id, [], place), "v", STORE), place)
        place = where_attribute(node) if isinstance(node, ast.Attribute) else nodes.on_one_line(where(node))
        kind = "attr" if isinstance(node, ast.Attribute) else "item"
        return nodes.put(ast.Attribute(self.access(kind, node, place), "v", STORE), place)

    def is_left_target(self, node: Any) -> bool:
        """Whether a target stays as it is."""
        if isinstance(node, ast.Attribute):
            return node.attr == "__debug__" or self.is_left(node.value)
        return not isinstance(node, ast.Subscript) or self.is_left_item(node)

    def mark(self, node: Any, way: Way, *update: object) -> Any:
        """The attribute, behind a new spot's mark; of an update it is told the number of the operator and the other value."""
        place = where_attribute(node)
        value = self.value(node.value)
        self.found.append(Found(place.line, self.field(node.attr), What.ATTRIBUTE, (way, *update)))
        node.value = nodes.marked(len(self.found) - 1, value)
        return node

    def access(self, called: str, node: Any, place: Where, before: tuple[Any, ...] = (), after: tuple[Any, ...] = ()) -> Any:
        """The call of a hook of an attribute or item."""
        if isinstance(node, ast.Attribute):
            value = self.value(node.value)
            spot = self.spot(What.ATTRIBUTE, self.field(node.attr), place)
            return self.call(called, [*before, value, *after, spot], place)
        value, key = self.value(node.value), self.value(node.slice)
        return self.call(called, [*before, value, key, *after, self.spot(What.ITEM, "", place)], place)


def _names_in(target: Any) -> list[ast.Name]:
    """The names that a target binds, in order."""
    if isinstance(target, ast.Name):
        return [target]
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for part in target.elts for name in _names_in(part)]
    return _names_in(target.value) if isinstance(target, ast.Starred) else []


_VALUES: Final[dict[type, Callable[..., Any]]] = {
    ast.Constant: Expressions._constant,
    ast.Load: Expressions._constant,
    ast.Store: Expressions._constant,
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.Call: Expressions._call,
    ast.List: Expressions._display,
    ast.Set: Expressions._display,
    ast.Dict: Expressions._dict,
    ast.Starred: Expressions._starred,
    ast.Compare: Expressions._compare,
    ast.BoolOp: Expressions._either,
    ast.BinOp: Expressions._operation,
    ast.UnaryOp: Expressions._unary,
    ast.IfExp: Expressions._choice,
    ast.NamedExpr: Expressions._walrus,
    ast.Lambda: Expressions._lambda,
    ast.Await: Expressions.unborn_parts,
    ast.YieldFrom: Expressions.unborn_parts,
    ast.FormattedValue: Expressions.unborn_parts,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
}
