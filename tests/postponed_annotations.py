"""A function whose annotations are texts, for test_parameters."""

from __future__ import annotations

from enum import Enum


class Mood(Enum):
    """Two moods."""

    GLAD = 1
    SAD = 2


def postponed(mood: Mood = Mood.GLAD, moods: list[Mood] = [], n: int | None = None) -> None:  # noqa: B006
    """Its annotations are evaluated late."""
