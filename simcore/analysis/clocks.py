"""Vector clocks: what each actor knows of the others, so that one comparison says whether it knows of an access.

An actor's clock goes on with each message that it gives away. Whoever knows an actor's clock up to a message knows all that the
actor did before it, and all that it knew: so a message that brings nothing new is told by one number. The lists of clocks are
shared between messages and never changed in place.
"""

from __future__ import annotations

from collections.abc import Iterable

Message = tuple[int, int, list[int]]
"""What one actor gives away: who it is, its clock, and what it knew of the others."""


class Clocks:
    """The clocks of all actors. An access of `actor` at `own[actor]` is known to `other` if `known[other][actor]` is no less."""

    def __init__(self, actors: int) -> None:
        self._nothing = [0] * actors
        self.own = [1] * actors
        self.known = [self._nothing] * actors

    def send(self, actor: int) -> Message:
        """All that the actor has done so far, to be received by whoever comes to know of it."""
        message = (actor, self.own[actor], self.known[actor])
        self.own[actor] += 1
        return message

    def receive(self, actor: int, message: Message) -> None:
        """The actor comes to know what the message says."""
        sender, clock, others = message
        mine = self.known[actor]
        if mine[sender] >= clock or sender == actor:
            return
        mine = list(others) if mine is self._nothing else list(map(max, mine, others))
        mine[sender] = clock
        self.known[actor] = mine

    def receive_all(self, actor: int, messages: Iterable[Message]) -> None:
        """The same of several."""
        for message in messages:
            self.receive(actor, message)
