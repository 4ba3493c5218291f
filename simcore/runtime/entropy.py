"""Randomness: seeds of `random`, `os.urandom`, and what is drawn from them.

A generator that nobody seeded takes its seed from the operating system in C. Here the seed is drawn first and recorded, so the same
generator gives the same numbers in replay. With `--seed` the seeds derive from that number and the actor's name.
"""

import os
import zlib
from typing import Any

from simcore.runtime import actors, originals
from simcore.runtime.actors import Actor, acting
from simcore.runtime.gate import Gate
from simcore.runtime.patches import Patches
from simcore.trace.events import Kind

gate: Gate  # set by install
scenario_seed: int | None = None
"""`--seed`; set by install."""


def draw_seed(actor: Actor) -> int:
    """A seed of 63 bits: the trace's in replay, derived under `--seed`, else from the operating system."""
    if scenario_seed is None:
        return gate.local(actor, Kind.SEED, 0, lambda: int.from_bytes(originals.urandom(8), "little") >> 1)
    actor.serials += 1
    mixed = originals.random(zlib.crc32(f"{actor.name} {actor.serials}".encode()) << 64 | scenario_seed & (1 << 64) - 1)
    return gate.local(actor, Kind.SEED, 0, lambda: mixed.getrandbits(63))


def _urandom(size: int, /) -> bytes:
    """As `os.urandom`."""
    actor = acting()
    if actor is None:
        return originals.urandom(size)
    drawn: list[bytes] = []

    def ask() -> int:
        drawn.append(originals.urandom(size))
        return actors.keep_bytes(drawn[0])

    number = gate.local(actor, Kind.ENTROPY, 0, ask)
    if drawn:
        return drawn[0]
    data: bytes = actor.following.data(number)
    return data


def install(patches: Patches) -> None:
    """Put `os.urandom` in place, before anybody takes the name."""
    patches.set(os, "urandom", _urandom)


def install_random(patches: Patches, random: Any) -> None:
    """Seed the module's generator and let unseeded ones be seeded from here."""
    real_seed = random.Random.seed

    def seed(self: Any, a: Any = None, version: int = 2) -> None:
        actor = acting() if a is None else None
        if actor is not None and not isinstance(self, random.SystemRandom):
            a = draw_seed(actor)
        real_seed(self, a, version)

    patches.method(random.Random, "seed", seed)
    shared = random._inst
    patches.set(random, "seed", shared.seed)
    shared.seed()


def install_uuid(patches: Patches, uuid: Any) -> None:
    """`uuid4` asks `os.urandom`; `uuid1` must not ask a library of the system for the time."""
    patches.set(uuid, "_generate_time_safe", None)
    patches.set(uuid, "_UuidCreate", None)
