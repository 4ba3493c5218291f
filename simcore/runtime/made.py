"""Initialisers that dataclasses and attrs write: what is made there is made by the line that calls them, for an attribute."""

from types import CodeType

_DATACLASS = "__create_fn__.<locals>."
_ATTRS = "<attrs generated "


def is_made(code: CodeType) -> bool:
    """Whether this is code of such a method: nobody can look at its lines."""
    return code.co_filename.startswith(_ATTRS) or (code.co_filename == "<string>" and code.co_qualname.startswith(_DATACLASS))


def attribute_at(code: CodeType, offset: int) -> str:
    """The attribute that is set next from this instruction on, or ''; one that is frozen sets it by a call with its name."""
    from opcode import EXTENDED_ARG, opmap

    store, load, instructions, more, named = opmap["STORE_ATTR"], opmap["LOAD_CONST"], code.co_code, 0, ""
    for at in range(0, len(instructions), 2):
        operation, argument = instructions[at], instructions[at + 1] | more
        if operation == store and at > offset:
            return code.co_names[argument]
        if operation == load and at < offset and isinstance(code.co_consts[argument], str):
            named = code.co_consts[argument]
        more = argument << 8 if operation == EXTENDED_ARG else 0
    return named
