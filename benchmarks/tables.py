"""A table with a title, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Table:
    """A title, the columns' names, rows of text. All columns but the first are aligned to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def plain(self) -> dict[str, object]:
        """The table as JSON can hold it; `Table(**plain)` makes it again."""
        return asdict(self)

    def markdown(self, level: int = 3) -> str:
        """Heading and table, with an empty line at the end."""
        lines = ["#" * level + " " + self.title, ""] if self.title else []
        lines += [_row(self.columns), "|---|" + "---:|" * (len(self.columns) - 1)]
        lines += [_row(row) for row in self.rows]
        return "\n".join([*lines, ""])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
