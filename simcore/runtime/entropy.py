"""Randomness: seeds of `random`, `os.urandom`, and what is drawn from them.

A generator that nobody seeded takes its seed from the operating system in C. Here the seed is drawn first and recorded, so the
same generator gives the same numbers in replay. With `--seed` the seeds derive from that number and the actor's name.

The functions of `random` share one generator. Once there are threads, who of them draws which number is nobody's order, so each
number is recorded and, in replay, returned.
"""

import os
import zlib
from collections.abc import Callable
from struct import pack, unpack
from typing import Any

from simcore.runtime import gate, imports, originals, sites
from simcore.runtime.actors import Actor, acting
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.trace.events import Kind

scenario_seed: int | None = None
"""`--seed`; set by install."""


def draw_seed(actor: Actor) -> int:
    """A seed of 63 bits: the trace's in replay, derived under `--seed`, else from the operating system."""
    if scenario_seed is None:
        return gate.current.local(actor, Kind.SEED, 0, lambda: int.from_bytes(originals.urandom(8), "little") >> 1)
    actor.serials += 1
    mixed = originals.random(zlib.crc32(f"{actor.name} {actor.serials}".encode()) << 64 | scenario_seed & (1 << 64) - 1)
    return gate.current.local(actor, Kind.SEED, 0, lambda: mixed.getrandbits(63))


def _of_run(actor: Actor, drawn: bytes) -> bytes:
    """These bytes, recorded, or in replay those that the trace has in their place."""
    asked = False

    def ask() -> int:
        nonlocal asked
        asked = True
        return sites.keep_bytes(drawn)

    number = gate.current.local(actor, Kind.ENTROPY, 0, ask)
    if asked:
        return drawn
    data: bytes = actor.following.data(number)
    return data


def _handed_out(real: Callable[..., bytes]) -> Callable[..., bytes]:
    """`os.urandom` and `os.getrandom`."""

    def replaced(*arguments: Any, **named: Any) -> bytes:
        actor = acting()
        try:
            drawn = real(*arguments, **named)  # in replay too: what raises there raised when it was recorded
            return drawn if actor is None else _of_run(actor, drawn)
        except BaseException as error:
            hide(error)
            raise

    return replaced


def install(patches: Patches) -> None:
    """Put `os.urandom` in place, also where other modules took it by name before us."""
    for name in ("urandom", "getrandom"):
        if hasattr(os, name):
            patches.set(os, name, _handed_out(getattr(os, name)))
    patches.follow_captures(os)


def install_random(patches: Patches, random: Any) -> None:
    """Seed the module's generator and let unseeded ones be seeded from here."""
    real_seed = random.Random.seed

    def seed(self: Any, a: Any = None, version: int = 2) -> None:
        actor = acting() if a is None else None
        try:
            real_seed(self, a if actor is None or isinstance(self, random.SystemRandom) else draw_seed(actor), version)
        except BaseException as error:
            hide(error)
            raise

    patches.method(random.Random, "seed", seed)
    shared = random._inst
    patches.set(random, "seed", shared.seed)
    shared.seed()
    # All the other functions are methods of this one instance and come down to these three.
    for name, replacement in (
        ("random", _drawn_float(shared.random)),
        ("gauss", _drawn_float(shared.gauss)),  # keeps a number for the next call, which may be another thread's
        ("getrandbits", _drawn_bits(shared.getrandbits)),
    ):
        patches.set(shared, name, replacement)
        patches.set(random, name, replacement)


def _drawn_float(real: Callable[..., float]) -> Callable[..., float]:
    def draw(*args: Any, **kwargs: Any) -> float:
        actor = acting() if imports.threaded else None
        if actor is None:
            return real(*args, **kwargs)

        def ask() -> int:
            actor.raw += 1  # what it draws itself is no event
            try:
                bits: int = unpack("<q", pack("<d", real(*args, **kwargs)))[0]
            finally:
                actor.raw -= 1
            return bits

        number: float = unpack("<d", pack("<q", gate.current.local(actor, Kind.DRAW, 0, ask)))[0]
        return number

    draw.__name__ = draw.__qualname__ = real.__name__
    return draw


def _drawn_bits(real: Callable[[int], int]) -> Callable[[int], int]:
    def getrandbits(k: int, /) -> int:
        actor = acting() if imports.threaded else None
        if actor is None or type(k) is not int or k < 1:
            return real(k)
        if k < 64:
            return gate.current.local(actor, Kind.DRAW, 0, lambda: real(k))
        return int.from_bytes(_of_run(actor, real(k).to_bytes((k + 7) // 8, "little")), "little")

    return getrandbits


def install_uuid(patches: Patches, uuid: Any) -> None:
    """`uuid4` asks `os.urandom`; for `uuid1` a library of the system's makes up the bytes from clock, network card and chance."""
    real = uuid._generate_time_safe
    if real is None:
        return

    def made_up() -> tuple[bytes, int | None]:
        actor = acting()
        drawn, safe = real()
        if actor is None:
            return drawn, safe
        kept = _of_run(actor, drawn + bytes([_NO_ANSWER if safe is None else safe & 0x7F]))
        return kept[:-1], None if kept[-1] == _NO_ANSWER else (kept[-1] ^ 0x40) - 0x40

    patches.set(uuid, "_generate_time_safe", made_up)


_NO_ANSWER = 0x80
