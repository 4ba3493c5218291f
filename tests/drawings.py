"""What the tests of pictures share: an SVG taken apart, and how many boxes and arrows are on it."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Drawing:
    """An SVG: its elements, its texts with their places, and per role the boxes (left, top, right, bottom) and path steps."""

    def __init__(self, svg: str) -> None:
        self.source = svg
        self.root = ElementTree.fromstring(svg)
        self.elements = list(self.root.iter())
        self.tags = Counter(element.tag.rpartition("}")[2] for element in self.elements)
        self.texts = [
            (float(element.get("x", 0)), float(element.get("y", 0)), element.text or "") for element in self.of_tag("text")
        ]
        self.width, self.height = float(self.root.get("width", 0)), float(self.root.get("height", 0))

    def of_tag(self, tag: str) -> list[ElementTree.Element]:
        return [element for element in self.elements if element.tag.rpartition("}")[2] == tag]

    def boxes(self, role: str) -> list[tuple[float, float, float, float]]:
        """The boxes of a role above the key."""
        found = []
        for element in self._of_role("f", role):
            for box in element.get("d", "").split("z"):
                numbers = [float(number) for number in _NUMBER.findall(box)]
                if len(numbers) == 5 and "h" in box:
                    x, y, wide, high, _ = numbers
                    found.append((x, y, x + wide, y + high))
        return found

    def heads(self, role: str) -> int:
        """How many arrows of a role there are, without that of the key."""
        return sum(element.get("d", "").count("z") for element in self._of_role("f", role)) - 1

    def steps(self, role: str) -> str:
        return " ".join(element.get("d", "") for element in self._of_role("s", role))

    def _of_role(self, what: str, role: str) -> list[ElementTree.Element]:
        return [element for element in self.elements if f"simcore-{what}-{role}" in element.get("class", "").split()]

    @property
    def words(self) -> str:
        return "\n".join(text for _, _, text in self.texts)
