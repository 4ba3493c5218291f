"""Where the program is: call sites, and the texts and bytes that a trace keeps, each under a number of its own."""

import os
from sys import _getframe as get_frame
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Final

from simcore.runtime import numbering, segment
from simcore.runtime.core import core
from simcore.runtime.frames import HERE, is_ours, program_frame
from simcore.runtime.made import attribute_at, is_made
from simcore.runtime.segment import TAG_BYTES, TAG_SITE, TAG_TEXT

_site_ids: dict[tuple[str, int, str], int] = {}
_by_code: dict[int, dict[int, int]] = {}
_codes: list[CodeType] = []  # keeps the code objects alive, so that an id names one of them for ever
_inside: dict[str, bool] = {}
inner_codes: set[int] = set()
"""Code that the standard library made from a text: the ids of code objects that live as long as the library."""

LIBRARY: Final = os.path.dirname(os.__file__) + os.sep
_packages = (os.path.join(LIBRARY, "site-packages") + os.sep, os.path.join(LIBRARY, "dist-packages") + os.sep)


ATTRIBUTE: Final = "<attribute> "
"""How the file of an inner site begins that is within a written initialiser: then the attribute, and the library's file."""


def is_internal(code: CodeType) -> bool:
    """Whether a frame of this code is the standard library's or ours: users want to see the line that called it."""
    name = code.co_filename
    known = _inside.get(name)
    if known is None:
        if name == "<string>":
            return id(code) in inner_codes or is_made(code)
        inner = name.startswith((HERE, "<frozen ")) or (name.startswith(LIBRARY) and not name.startswith(_packages))
        known = inner or is_made(code)
        _inside[name] = known
    return known


_skipped: dict[int, CodeType] = {}
"""Code that is the standard library's or ours, by its id; kept alive by standing here."""


def site_of(frame: FrameType | None) -> int:
    """The call site: the first frame of the user's, or the library's innermost where the whole stack is the library's."""
    user = frame
    while user is not None:
        code = user.f_code
        if id(code) not in _skipped:
            try:
                return _by_code[id(code)][user.f_lasti]
            except KeyError:
                if not is_internal(code):
                    return own_site(user)
                _skipped[id(code)] = code
        user = user.f_back
    user = program_frame(frame)
    return 0 if user is None else own_site(user)


def own_site(frame: FrameType) -> int:
    """The place at which this very frame is."""
    code = frame.f_code
    known = _by_code.get(id(code))
    if known is None:
        _codes.append(code)
        if is_internal(code):
            _skipped[id(code)] = code
        known = _by_code.setdefault(id(code), {})
    site = known.get(frame.f_lasti)
    if site is None:
        site = known[frame.f_lasti] = intern_site(code.co_filename, frame.f_lineno or 0, code.co_qualname)
    return site


def inner_site(frame: FrameType) -> int:
    """The place in the library, or in a dataclass, that makes something on behalf of the user's line; 0 for none."""
    outer: FrameType | None = frame
    while outer is not None and is_internal(outer.f_code):
        code = outer.f_code
        if is_made(code):
            library = "" if outer is frame else frame.f_code.co_filename
            name = f"{ATTRIBUTE}{attribute_at(code, outer.f_lasti)} {library}"
            return intern_site(name, frame.f_lineno or 0, frame.f_code.co_qualname)
        outer = outer.f_back
    return own_site(frame) if is_internal(frame.f_code) else 0


def intern_site(file: str, line: int, function: str) -> int:
    """The id of a place in the source; defines it when it is new."""
    key = (file, line, function)
    site = _site_ids.get(key)
    if site is None:
        site = next(numbering.site_numbers)
        segment.current.define(TAG_SITE, site, line, file, function)
        _site_ids[key] = site
    return site


LONGEST_TEXT: Final = 65536
_texts: dict[str, int] = {}


def intern_text(text: str) -> int:
    """The id of a text; one longer than 64 Ki characters is kept cut, with its length and hash behind it."""
    known = _texts.get(text)
    if known is None:
        known = next(numbering.text_numbers)
        kept = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}... {len(text)} characters, hash {hash(text):x}"
        segment.current.define(TAG_TEXT, known, kept)
        if len(_texts) > 50_000:
            _texts.clear()  # a program that never writes the same line twice must not grow for that
        _texts[text] = known
    return known


def keep_bytes(data: bytes) -> int:
    """The id under which these bytes are kept in the trace."""
    number = next(numbering.text_numbers)
    segment.current.define_bytes(TAG_BYTES, str(number).encode() + b"\0" + data)
    return number


def caller(depth: int = 2) -> int:
    """The call site of the function that called the caller; 0 where it was called by no Python code, as by `atexit`."""
    try:
        return site_of(get_frame(depth))
    except ValueError:
        return 0


def _place_of(frame: FrameType) -> int:
    """For the core: the site at which a frame of the user's is, or that it is ours or the library's."""
    if not is_internal(frame.f_code):
        return own_site(frame)
    return _OURS if is_ours(frame) else _LIBRARYS


_OURS: Final = -1
_LIBRARYS: Final = -2

if not TYPE_CHECKING and core is not None:
    core.set_up(_place_of, own_site)
    site_of = core.site_of
