"""Which lines the statements of a file go over; of one with a block, the lines before the block."""

from typing import Any, Final

_ONLY_AST: Final = 0x400
_BLOCKS: Final = ("body", "orelse", "finalbody", "handlers", "cases")

_known: dict[str, list[tuple[int, int]]] = {}


def statement_at(file: str, line: int) -> tuple[int, int]:
    """First and last line of the statement that this line is part of; the line alone where the file cannot be read."""
    known = _known.get(file)
    if known is None:
        try:
            with open(file, "rb") as source:
                known = statements(source.read())
        except OSError:
            known = []
        _known[file] = known
    there = [(first, last) for first, last in known if first <= line <= last]
    return (min(first for first, _ in there), max(last for _, last in there)) if there else (line, line)


def statements(source: bytes) -> list[tuple[int, int]]:
    """First and last line of each statement; empty for what is no Python."""
    try:
        waiting: list[Any] = [compile(_without_escapes(source), "", "exec", _ONLY_AST, dont_inherit=True)]
    except (SyntaxError, ValueError):
        return []
    found = []
    while waiting:
        node = waiting.pop()
        if hasattr(node, "lineno"):
            found.append((node.lineno, _last_of(node)))
        waiting += [inner for name in _BLOCKS for inner in getattr(node, name, ())]
    return found


def _last_of(statement: Any) -> int:
    last: int
    if hasattr(statement, "cases"):
        last = statement.subject.end_lineno
    elif hasattr(statement, "body"):
        block = statement.body[0]
        last = min(inner.lineno for inner in (block, *getattr(block, "decorator_list", ()))) - 1
    else:
        last = statement.end_lineno
    first: int = statement.lineno
    return max(last, first)


def _without_escapes(source: bytes) -> bytes:
    """The same statements at the same lines, without the escapes: of bad ones the interpreter would warn a second time."""
    first, *others = source.split(b"\\")
    parts, escaped = [first], True
    for part in others:
        if not escaped:  # this backslash was the second of a pair
            parts.append(part)
            escaped = True
        elif not part:
            parts.append(b"xx")
            escaped = False
        else:
            parts.append(b"\\" + part if part[:1] in b"\r\n" else b"xx" + part[1:])
    return b"".join(parts)
