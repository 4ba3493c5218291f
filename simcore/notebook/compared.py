"""What a notebook keeps of a comparison of start methods."""

from __future__ import annotations

from typing import Any


class Compared:
    """What `simcore compare` found: `facts` is what its `--json` prints (docs/start-methods.md), `verdicts` are worst first."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """Each with `severity`, `text`, `methods`, `seen` and `fix`."""
        found: list[dict[str, Any]] = self.facts["verdicts"]
        return found

    @property
    def differs(self) -> bool:
        """Whether anything differs that matters: a verdict above INFO."""
        return bool(self.facts["differences"])

    def __repr__(self) -> str:
        methods = ", ".join(column["label"] for column in self.facts["columns"])
        return f"<Compared {self.facts['program']} under {methods}: {len(self.verdicts)} verdicts>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What a notebook shows."""
        from simcore.notebook.display import bundle

        return bundle(self)
