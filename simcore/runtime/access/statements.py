"""Rewrites statements: assignments, updates and deletions become calls of hooks, the rest keeps its form."""

import _ast as ast
from collections.abc import Callable, Iterator
from typing import Any, Final

from simcore.runtime.access import nodes
from simcore.runtime.access.expressions import Expressions
from simcore.runtime.access.nodes import Where, where, where_attribute
from simcore.runtime.access.scopes import Kind, Place
from simcore.runtime.access.spots import OPERATORS, Way


def _is_same(a: Any, b: Any) -> bool:
    """Whether these are the same name or constant."""
    if isinstance(a, ast.Name):
        return isinstance(b, ast.Name) and a.id == b.id
    return isinstance(a, ast.Constant) and isinstance(b, ast.Constant) and repr(a.value) == repr(b.value)


_SIMPLE: Final = (int, float, complex, str, bytes)

_OP: Final = {name: i for i, name in enumerate(OPERATORS)}


class Statements(Expressions):
    """The bodies of a module, its functions and classes."""

    def body(self, statements: list[Any]) -> None:
        """Rewrite a list of statements in place."""
        done: list[Any] = []
        for node in statements:
            method = _STATEMENTS.get(type(node))
            if method is None:
                done.append(node)
                continue
            result = method(self, node)
            if type(result) is list:
                done += result
            else:
                done.append(result)
        statements[:] = done

    def _restored(self, names: list[str | None], place: Where) -> list[Any]:
        """Behind a statement that binds names in ways of its own."""
        return [
            nodes.statement(self.rebound(name, place), place)
            for name in names
            if name is not None and self.place(name) != Place.OWN
        ]

    # Assignments --------------------------------------------------------------------------------------------------------------

    def _assign(self, node: ast.Assign) -> Any:
        target = node.targets[0]
        if len(node.targets) == 1:
            stored = self._store(target, node)
            if stored is not None:
                return nodes.statement(stored, where(node))
        is_unpacked = any(isinstance(part, (ast.Tuple, ast.List)) for part in node.targets)
        if is_unpacked and isinstance(node.value, (ast.Name, ast.Attribute, ast.Subscript)):
            node.value = self.whole(node.value, "unpack")
        else:
            node.value = self.value(node.value)
        node.targets = [self.target(part) for part in node.targets]
        return node

    def _store(self, target: Any, node: Any) -> Any:
        """The call that does a plain assignment; None where that stays one."""
        if self._is_update(target, node.value):
            at = where(node.value)
            after = (node.value.right, nodes.number(len(_OP) + _OP[type(node.value.op).__name__], at))
            if isinstance(target, ast.Name):
                return self.variable("update_", [], target.id, [*after], at)
            return self.access("update_attr" if isinstance(target, ast.Attribute) else "update_item", target, at, (), after)
        if isinstance(target, ast.Name):
            if self.place(target.id) == Place.OWN:
                return None
            return self.variable("store_", [self.value(node.value)], target.id, [], where(target))
        if self.is_left_target(target) or (isinstance(target, ast.Attribute) and self.is_marked(target)):
            return None
        value = self.value(node.value)
        if isinstance(target, ast.Attribute):
            return self.access("store_attr", target, where_attribute(target), (value,))
        return self.access("store_item", target, where(target), (value,))

    def _update(self, node: ast.AugAssign) -> Any:
        target, place = node.target, where(node)
        if isinstance(target, ast.Name) and self.place(target.id) == Place.OWN:
            # That `names += more` changes a list which others may have is not seen: nearly all of these are sums.
            node.value = self.unborn(node.value)
            return node
        if not isinstance(target, ast.Name) and self.is_left_target(target):
            node.target, node.value = self.parts(target), self.unborn(node.value)
            return node
        if not self._is_plain(node.value):
            node.target = self.reference(target)
            node.value = self.unborn(node.value)
            return node
        if self._is_marked_update(node):
            node.target = self.mark(target, Way.BOTH, _OP[type(node.op).__name__], node.value.value)  # type: ignore[attr-defined]
            return node
        at = where_attribute(target) if isinstance(target, ast.Attribute) else where(target)
        after = (node.value, nodes.number(_OP[type(node.op).__name__], at))
        if isinstance(target, ast.Name):
            return nodes.statement(self.variable("update_", [], target.id, [*after], at), place)
        called = "update_attr" if isinstance(target, ast.Attribute) else "update_item"
        return nodes.statement(self.access(called, target, at, (), after), place)

    def _is_marked_update(self, node: ast.AugAssign) -> bool:
        """Whether this is `x.a += 1` and the like on one line: what `x.a` is tells whether it is done in one step."""
        value: Any = node.value
        return (
            isinstance(node.target, ast.Attribute)
            and isinstance(value, ast.Constant)
            and type(value.value) in _SIMPLE
            and node.lineno == node.end_lineno
            and self.is_marked(node.target)
        )

    def _is_update(self, target: Any, value: Any) -> bool:
        """Whether this is `x.a = x.a + n` and the like: as in `x.a += n`, nobody comes between its read and its write."""
        if not isinstance(value, ast.BinOp) or not self._is_plain(value.right) or type(value.left) is not type(target):
            return False
        read: Any = value.left
        if isinstance(target, ast.Name):
            return self.place(target.id) != Place.OWN and _is_same(target, read)
        if not isinstance(target, (ast.Attribute, ast.Subscript)):
            return False
        if self.is_left_target(target) or not isinstance(target.value, ast.Name) or not self._is_plain(target.value):
            return False
        if isinstance(target, ast.Attribute):
            return read.attr == target.attr and _is_same(target.value, read.value)
        return self._is_plain(target.slice) and _is_same(target.slice, read.slice) and _is_same(target.value, read.value)

    def _is_plain(self, node: Any) -> bool:
        """Whether no code of Python's runs when this is evaluated, and nothing is recorded."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            node = node.operand
            return isinstance(node, ast.Constant) and type(node.value) in (int, float, complex)
        if isinstance(node, ast.Name):
            return self.scope.kind != Kind.CLASS and self.place(node.id) == Place.OWN
        return isinstance(node, ast.Constant)

    def _annotated(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return node
        if isinstance(node.target, ast.Name):
            if self.place(node.target.id) == Place.OWN:
                node.value = self.value(node.value)
                return node
            stored = self._store(node.target, node)
            node.value = None
            return [nodes.statement(stored, where(node)), node]
        node.value = self.value(node.value)
        node.target = self.target(node.target)
        return node

    def _delete(self, node: ast.Delete) -> Any:
        return [self._deleted(target, where(node)) for target in _flat(node.targets)]

    def _deleted(self, target: Any, place: Where) -> Any:
        if isinstance(target, ast.Name):
            if self.place(target.id) != Place.OWN:
                return nodes.statement(self.variable("del_", [], target.id, [], where(target)), place)
        elif not self.is_left_target(target):
            if isinstance(target, ast.Attribute):
                return nodes.statement(self.access("del_attr", target, where_attribute(target)), place)
            return nodes.statement(self.access("del_item", target, where(target)), place)
        else:
            self.parts(target)
        return nodes.put(ast.Delete([target]), place)

    # Flow ---------------------------------------------------------------------------------------------------------------------

    def _for(self, node: ast.For) -> Any:
        node.iter = self.whole(node.iter, "for")
        return self._loop(node)

    def _async_for(self, node: ast.AsyncFor) -> Any:
        node.iter = self.value(node.iter)
        return self._loop(node)

    def _loop(self, node: Any) -> Any:
        node.target = self.target(node.target)
        self.body(node.body)
        self.body(node.orelse)
        return node

    def _condition(self, node: ast.If | ast.While) -> Any:
        node.test = self.test(node.test)
        self.body(node.body)
        self.body(node.orelse)
        return node

    def _with(self, node: ast.With | ast.AsyncWith) -> Any:
        for item in node.items:
            item.context_expr = self.value(item.context_expr)
            if item.optional_vars is not None:
                item.optional_vars = self.target(item.optional_vars)
        self.body(node.body)
        return node

    def _try(self, node: Any) -> Any:
        self.body(node.body)
        for handler in node.handlers:
            if handler.type is not None:
                handler.type = self.unborn(handler.type)
            bound = self._restored([handler.name], where(handler.body[0]))
            self.body(handler.body)
            handler.body[:0] = bound
        self.body(node.orelse)
        self.body(node.finalbody)
        return node

    def _match(self, node: ast.Match) -> Any:
        node.subject = self.value(node.subject)
        for case in node.cases:
            if case.guard is not None:
                case.guard = self.test(case.guard)
            bound = self._restored([*_captured(case.pattern)], where(case.body[0]))
            self.body(case.body)
            case.body[:0] = bound
        return node

    def _expression(self, node: ast.Expr) -> Any:
        node.value = self.unborn(node.value)
        return node

    def _assert(self, node: ast.Assert) -> Any:
        node.test = self.test(node.test)
        node.msg = node.msg and self.value(node.msg)
        return node

    # Definitions --------------------------------------------------------------------------------------------------------------

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
        node.decorator_list = [self.unborn(decorator) for decorator in node.decorator_list]
        self.defaults(node.args)
        outer, self.scope = self.scope, self.names.of(node)
        start = int(nodes.has_docstring(node.body))
        place = where(node.body[0])
        self.body(node.body)
        # All that binds them may be calls now. A bare annotation keeps them variables of the function, and makes no code.
        node.body[start:start] = [
            nodes.put(ast.AnnAssign(nodes.put(ast.Name(name, nodes.STORE), place), nodes.number(0, place), None, 1), place)
            for name in sorted(self.scope.tracked - self.scope.parameters)
        ]
        self.scope = outer
        return [node, *self._restored([node.name], where(node))]

    def _class(self, node: ast.ClassDef) -> Any:
        node.decorator_list = [self.unborn(decorator) for decorator in node.decorator_list]
        if not getattr(node, "type_params", None):
            node.bases = [self.unborn(base) for base in node.bases]
            for keyword in node.keywords:
                keyword.value = self.unborn(keyword.value)
        outer, self.scope = self.scope, self.names.of(node)
        start = int(nodes.has_docstring(node.body))
        place = where(node.body[0])
        self.body(node.body)
        hooks = self.in_classes.get(id(self.scope))
        if hooks:  # as globals: the mapping that a metaclass prepares need not answer for them
            node.body.insert(start, nodes.put(ast.Global(sorted(hooks)), place))
        self.scope = outer
        return [node, *self._restored([node.name], where(node))]

    def _import(self, node: ast.Import) -> Any:
        return [node, *self._restored([alias.asname or alias.name.partition(".")[0] for alias in node.names], where(node))]

    def _import_from(self, node: ast.ImportFrom) -> Any:
        return [node, *self._restored([alias.asname or alias.name for alias in node.names], where(node))]


def _flat(targets: list[Any]) -> Iterator[Any]:
    for target in targets:
        if isinstance(target, (ast.Tuple, ast.List)):
            yield from _flat(target.elts)
        else:
            yield target


def _captured(pattern: Any) -> Iterator[str | None]:
    """The names that a pattern binds."""
    if isinstance(pattern, (ast.MatchAs, ast.MatchStar)):
        yield pattern.name
    elif isinstance(pattern, ast.MatchMapping):
        yield pattern.rest
    for field in pattern._fields:
        part = getattr(pattern, field, None)
        for inner in part if type(part) is list else [part]:
            if isinstance(inner, ast.pattern):
                yield from _captured(inner)


_STATEMENTS: Final[dict[type, Callable[..., Any]]] = {
    ast.Assign: Statements._assign,
    ast.AugAssign: Statements._update,
    ast.AnnAssign: Statements._annotated,
    ast.Delete: Statements._delete,
    ast.For: Statements._for,
    ast.AsyncFor: Statements._async_for,
    ast.If: Statements._condition,
    ast.While: Statements._condition,
    ast.With: Statements._with,
    ast.AsyncWith: Statements._with,
    ast.Try: Statements._try,
    ast.TryStar: Statements._try,
    ast.Match: Statements._match,
    ast.Expr: Statements._expression,
    ast.Assert: Statements._assert,
    ast.Return: Statements.parts,
    ast.Raise: Statements.parts,
    ast.FunctionDef: Statements._function,
    ast.AsyncFunctionDef: Statements._function,
    ast.ClassDef: Statements._class,
    ast.Import: Statements._import,
    ast.ImportFrom: Statements._import_from,
}
