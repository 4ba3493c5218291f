"""A comparison of start methods as a picture: the verdicts, worst first, then what was measured, a column per method."""

from __future__ import annotations

from typing import Any, Final

from simcore.notebook.picture import EDGE, Picture, cut_to, lines_of, number, width_of
from simcore.trace.text import clean, count
from simcore.views.methods import SEVERITY_STYLES, Row, cell_text, telling_rows

_ROLES: Final = {"red": "red", "yellow": "yellow", "cyan": "blue", "dim": "soft"}
"""The colours of a picture by those of the terminal."""

_SEVERITIES: Final = {severity: _ROLES[style.split()[-1]] for severity, style in SEVERITY_STYLES.items()}
_NAME_PX: Final = 250
_ROW_PX: Final = 21
_MOST_GLOBALS: Final = 12
_PILL_PX: Final = 92


def comparison_svg(report: Row) -> str:
    """The picture of what `simcore compare --json` prints."""
    return _Table(report).svg()


class _Table:
    def __init__(self, report: Row) -> None:
        self.report = report
        self.picture = Picture()
        self.labels = [column["label"] for column in report["columns"]]
        self.wide = (self.picture.width - 2 * EDGE - _NAME_PX) / len(self.labels)
        self.y = EDGE + 13.0

    def svg(self) -> str:
        report, picture = self.report, self.picture
        program = clean(report["program"])
        title = cut_to(f"compare {program}", 520, 14.5)
        picture.text(EDGE, self.y, title, size=14.5, bold=True)
        worst = next((verdict["severity"] for verdict in report["verdicts"]), "")
        told = worst if report["differences"] else "nothing that matters differs"
        role = _SEVERITIES.get(worst, "green") if report["differences"] else "green"
        picture.pill(EDGE + width_of(title, 14.5, bold=True) + 12, self.y, told, role)
        runs = f"{report['python']}  ·  {count(report['times_run'], 'run')}"
        picture.text(picture.width - EDGE, self.y, runs, "soft", anchor="end")
        self.y += 12
        for one in report["overrides"]:
            self._line(f"{one['call']}({one['asked']!r}) at {one['site']} got {', '.join(one['methods'])}", "yellow")
        self._verdicts()
        self._section("Outcome", report["outcome"])
        self._section("Start", report["start"])
        self._section("Schedule", report["schedule"])
        self._section("What a child sees at its first line", telling_rows(report["child"]))
        self._globals()
        return picture.svg(self.y + EDGE - 2, f"{program} under {', '.join(self.labels)}: {told}")

    def _line(self, text: str, role: str = "ink", *, left: float = EDGE, size: float = 12) -> None:
        """A text on as many lines as it takes."""
        for line in lines_of(clean(text), self.picture.width - EDGE - left, size):
            self.picture.text(left, self.y + 12, line, role, size=size)
            self.y += 16

    def _verdicts(self) -> None:
        self.y += 6
        if not self.report["verdicts"]:
            self._line("No verdicts: this program does the same under all of them.")
        fix = ""
        for verdict in self.report["verdicts"]:
            if fix and verdict["fix"] != fix:
                self._fix(fix)
            role = _SEVERITIES.get(verdict["severity"], "soft")
            self.picture.text(EDGE, self.y + 12, verdict["severity"], role, size=11.5, bold=True)
            self._line(verdict["text"], left=EDGE + _PILL_PX)
            if verdict["seen"]:
                self._line(verdict["seen"], "soft", left=EDGE + _PILL_PX, size=11)
            fix = verdict["fix"]
        if fix:
            self._fix(fix)

    def _fix(self, fix: str) -> None:
        """What to do, once for all verdicts that are put right in one way."""
        left = EDGE + _PILL_PX
        self.picture.text(left, self.y + 12, "fix", "green", size=11.5, bold=True)
        self._line(fix, left=left + 26)
        self.y += 3

    def _section(self, title: str, rows: list[Row]) -> None:
        if not rows:
            return
        self._title(title)
        for row in rows:
            values = [row["values"].get(label) for label in self.labels]
            if row["name"] == "a line that differs":
                self._lines(row)
            else:
                self._row(row["name"], values)

    def _title(self, title: str) -> None:
        self.y += 14
        self.picture.boxes("band", [(EDGE, self.y, self.picture.width - 2 * EDGE, _ROW_PX)])
        self.picture.text(EDGE + 6, self.y + 15, title, "soft", size=11.5, bold=True)
        for place, label in enumerate(self.labels):
            left = EDGE + _NAME_PX + place * self.wide
            self.picture.text(left, self.y + 15, label, "soft", size=11.5, bold=True)
        self.y += _ROW_PX

    def _row(self, name: str, values: list[Any]) -> None:
        """One row; what is not as under the first method stands out, and what was measured has a bar."""
        self.picture.text(EDGE + 6, self.y + 14, cut_to(clean(name), _NAME_PX - 12, 11.5), size=11.5)
        measured = [value for value in values if isinstance(value, dict)]
        most = max((value["max"] for value in measured), default=0)
        first = cell_text(values[0])
        for place, value in enumerate(values):
            left, told = EDGE + _NAME_PX + place * self.wide, cell_text(value)
            role = "ink" if measured or told == first or not place else "yellow"
            self.picture.text(left, self.y + 14, cut_to(told, self.wide - 10, 11.5), role, size=11.5, bold=role != "ink")
            if isinstance(value, dict) and most > 0:
                self._bar(left, value, (self.wide - 18) / most)
        self.y += _ROW_PX + (6 if measured and most > 0 else 0)
        right = self.picture.width - EDGE
        self.picture.path("grid", f"M{EDGE} {number(self.y)}H{number(right)}")

    def _bar(self, left: float, value: Row, scale: float) -> None:
        """The median, and a line from the least to the most."""
        y = self.y + 19
        self.picture.boxes("lock0", [(left, y, max(value["median"] * scale, 1), 5)])
        least, most = left + value["min"] * scale, left + value["max"] * scale
        self.picture.path("soft", f"M{number(least)} {number(y + 2.5)}H{number(most)}M{number(most)} {number(y)}v5")

    def _lines(self, row: Row) -> None:
        """A line of output that differs, each below the other."""
        self.picture.text(EDGE + 6, self.y + 14, row["name"], size=11.5)
        for label, value in row["values"].items():
            self.picture.text(EDGE + _NAME_PX, self.y + 14, label, "soft", size=11.5)
            room = self.picture.width - 2 * EDGE - _NAME_PX - 76
            told = cut_to(clean(cell_text(value)), room * 0.94, 11)
            self.picture.text(EDGE + _NAME_PX + 76, self.y + 14, told, size=11, mono=True)
            self.y += 17
        self.y += 4
        self.picture.path("grid", f"M{EDGE} {number(self.y)}H{number(self.picture.width - EDGE)}")

    def _globals(self) -> None:
        found = self.report["globals"]
        if not found["reached"] or not found["rows"]:
            return
        self._title(f"Globals, {found['differ']} of {found['reached']} differ")
        for row in found["rows"][:_MOST_GLOBALS]:
            self._row(row["name"] + row["path"], [row["values"].get(label) for label in self.labels])
        left_out = len(found["rows"]) - _MOST_GLOBALS
        if left_out > 0:
            self._line(f"and {left_out} more, which are left out here", "yellow", size=11)
