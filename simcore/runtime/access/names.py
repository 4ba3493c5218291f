"""A walk through a module's syntax tree that finds its scopes and the names in them (see `scopes`)."""

import _ast as ast
from collections.abc import Iterable
from typing import Any

from simcore.runtime.access.scopes import Kind, Scope, decide, mangled

_COMPREHENSIONS = {
    "ListComp": Kind.COMPREHENSION,
    "SetComp": Kind.COMPREHENSION,
    "DictComp": Kind.COMPREHENSION,
    "GeneratorExp": Kind.GENERATOR,
}


class Names:
    """All scopes of a module, by the nodes that make them."""

    def __init__(self, tree: ast.Module) -> None:
        self.suspicious = False
        """Whether there may be an error that the compiler would not see any more once the module is rewritten."""
        self._found: list[Scope] = []
        self._by_node: dict[int, Scope] = {}
        self._loops = 0
        self._scope = self.module = Scope(Kind.MODULE, None, "")
        self._found.append(self.module)
        self._each(tree.body)
        decide(self._found)

    def of(self, node: ast.AST) -> Scope:
        """The scope that this function, class or comprehension makes."""
        return self._by_node[id(node)]

    # Going on -----------------------------------------------------------------------------------------------------------------

    def _each(self, nodes: Iterable[Any]) -> None:
        for node in nodes:
            self._visit(node)

    def _visit(self, node: Any) -> None:
        """Visit a node of any type, or None."""
        if node is None:
            return
        kind = type(node).__name__
        if kind in _COMPREHENSIONS:
            self._comprehension(node, _COMPREHENSIONS[kind])
            return
        method = getattr(self, "_" + kind, None)
        if method is None:
            self._parts(node)
        else:
            method(node)

    def _parts(self, node: Any) -> None:
        for field in node._fields:
            part = getattr(node, field, None)
            if type(part) is list:
                for item in part:
                    if isinstance(item, ast.AST):
                        self._visit(item)
            elif isinstance(part, ast.AST):
                self._visit(part)

    def _enter(self, node: ast.AST | None, kind: Kind, private: str | None = None) -> tuple[Scope, int]:
        """Go on in a new scope; what is returned is for `_leave`."""
        before = self._scope, self._loops
        self._scope = Scope(kind, self._scope, self._scope.private if private is None else private)
        self._loops = 0
        self._found.append(self._scope)
        if node is not None:
            self._by_node[id(node)] = self._scope
        return before

    def _leave(self, before: tuple[Scope, int]) -> None:
        self._scope, self._loops = before

    def _bind(self, name: str) -> str:
        name = mangled(name, self._scope.private)
        self._scope.bind(name, in_loop=self._loops > 0)
        return name

    # Names --------------------------------------------------------------------------------------------------------------------

    def _Constant(self, node: ast.Constant) -> None:
        pass

    def _Name(self, node: ast.Name) -> None:
        if type(node.ctx) is ast.Load:
            self._scope.used.add(mangled(node.id, self._scope.private))
        else:
            self._bind(node.id)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._scope.used.add(mangled(node.target.id, self._scope.private))
        self._parts(node)

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit(node.annotation)  # stays as it is, but may bind names
        self._visit(node.value)
        if node.value is None and isinstance(node.target, ast.Name):
            self._scope.bound.setdefault(mangled(node.target.id, self._scope.private), 0)
        elif node.value is not None or not isinstance(node.target, ast.Name):
            self._visit(node.target)

    def _NamedExpr(self, node: ast.NamedExpr) -> None:
        self._visit(node.value)
        scope = self._scope
        name = mangled(node.target.id, scope.private)
        while scope.kind in (Kind.COMPREHENSION, Kind.GENERATOR) and scope.parent is not None:
            self.suspicious = self.suspicious or name in scope.bound or scope.parent.kind == Kind.CLASS
            scope.used.add(name)
            scope = scope.parent
        scope.bind(name, in_loop=self._loops > 0 or scope is not self._scope)

    def _declared(self, names: Iterable[str]) -> set[str]:
        found = {mangled(name, self._scope.private) for name in names}
        self.suspicious = self.suspicious or not found.isdisjoint(self._scope.bound) or not found.isdisjoint(self._scope.used)
        return found

    def _Global(self, node: ast.Global) -> None:
        self._scope.globals |= self._declared(node.names)

    def _Nonlocal(self, node: ast.Nonlocal) -> None:
        self._scope.nonlocals |= self._declared(node.names)

    def _Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = self._bind(alias.asname or alias.name.partition(".")[0])
            self._scope.imported[name] = self._scope.imported.get(name, 0) + 1

    def _ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name)

    def _ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name is not None:
            self._bind(node.name)
        self._parts(node)

    def _MatchAs(self, node: Any) -> None:
        if node.name is not None:
            self._bind(node.name)
        self._parts(node)

    _MatchStar = _MatchAs

    def _MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest is not None:
            self._bind(node.rest)
        self._parts(node)

    def _TypeAlias(self, node: Any) -> None:
        self._visit(node.name)  # what it stands for is evaluated when somebody asks for it

    # Loops --------------------------------------------------------------------------------------------------------------------

    def _For(self, node: ast.For | ast.AsyncFor) -> None:
        self._visit(node.iter)
        self._loops += 1
        self._visit(node.target)
        self._each(node.body)
        self._loops -= 1
        self._each(node.orelse)

    _AsyncFor = _For

    def _While(self, node: ast.While) -> None:
        self._loops += 1
        self._visit(node.test)
        self._each(node.body)
        self._loops -= 1
        self._each(node.orelse)

    # Scopes -------------------------------------------------------------------------------------------------------------------

    def _comprehension(self, node: Any, kind: Kind) -> None:
        first = node.generators[0]
        self._visit(first.iter)
        before = self._enter(node, kind)
        self._loops = 1
        for generator in node.generators:
            self._visit(generator.target)  # first, so that all of them are known to `:=`
        for generator in node.generators:
            if generator is not first:
                self._visit(generator.iter)
            self._each(generator.ifs)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self._visit(part)
        self._leave(before)

    def _parameters(self, node: ast.arguments) -> None:
        for argument in _arguments(node):
            self._scope.parameters.add(self._bind(argument.arg))

    def _defaults(self, node: ast.arguments) -> None:
        self._each(node.defaults)
        self._each(node.kw_defaults)

    def _Lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)
        before = self._enter(node, Kind.LAMBDA)
        self._parameters(node.args)
        self._visit(node.body)
        self._leave(before)

    def _type_parameters(self, node: Any) -> tuple[Scope, int] | None:
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return None
        before = self._enter(None, Kind.PARAMETERS, node.name if isinstance(node, ast.ClassDef) else None)
        for parameter in parameters:
            self._bind(parameter.name)
        return before

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._each(node.decorator_list)
        self._defaults(node.args)
        self._bind(node.name)
        around = self._type_parameters(node)
        self._each(argument.annotation for argument in _arguments(node.args))
        self._visit(node.returns)
        before = self._enter(node, Kind.FUNCTION)
        self._parameters(node.args)
        self._each(node.body)
        self._leave(before)
        if around is not None:
            self._leave(around)

    _AsyncFunctionDef = _FunctionDef

    def _ClassDef(self, node: ast.ClassDef) -> None:
        self._each(node.decorator_list)
        self._bind(node.name)
        around = self._type_parameters(node)
        self._each(node.bases)
        self._each(keyword.value for keyword in node.keywords)
        before = self._enter(node, Kind.CLASS, node.name)
        self._each(node.body)
        self._leave(before)
        if around is not None:
            self._leave(around)


def _arguments(node: ast.arguments) -> list[ast.arg]:
    found = [*node.posonlyargs, *node.args, *node.kwonlyargs]
    return found + [argument for argument in (node.vararg, node.kwarg) if argument is not None]
