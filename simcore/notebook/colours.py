"""The colours of pictures, for a light and a dark background; those of the timeline are the report's."""

from __future__ import annotations

from typing import Final

COLOURS: Final = {
    "runs": ("#c3cad1", "#58636e"),
    "sleeps": ("#dde2e7", "#3a434c"),
    "waits": ("#f0a63c", "#d9902b"),
    "joins": ("#f6d7a4", "#705126"),
    "stuck": ("#c8641c", "#c96a2b"),
    "deadlock": ("#d3222b", "#e0403a"),
    "events": ("#57616b", "#b4bec8"),
    "lock": ("#9aa5b1", "#7c8792"),
    "lock0": ("#2f7ed8", "#5aa2f0"),
    "lock1": ("#2aa876", "#3fc48f"),
    "lock2": ("#9b59c9", "#b98ae6"),
    "lock3": ("#d6488e", "#ee78b3"),
    "lock4": ("#12a0b4", "#40c4d6"),
    "lock5": ("#8a9a1b", "#b7c645"),
    "lock6": ("#5b6ee1", "#8b9bff"),
    "lock7": ("#a8692f", "#c98e57"),
    "flow-hand-off": ("#0b57d0", "#8fc0ff"),
    "flow-wake": ("#16803c", "#6fd98b"),
    "flow-message": ("#8a3ffc", "#c8a2ff"),
    "flow-start": ("#6f7a85", "#98a3ae"),
    "flow-join": ("#a5662a", "#d9a066"),
    "flow-deadlock": ("#d3222b", "#ff5a52"),
    "failure": ("#d3222b", "#ff5a52"),
    "split": ("#d3222b", "#ff7b72"),
    "ink": ("#1d2329", "#e4e8ec"),
    "soft": ("#66707a", "#96a1ac"),
    "grid": ("#e6e4e0", "#2b323a"),
    "card": ("#ffffff", "#1c2127"),
    "line": ("#e2e0dc", "#30373f"),
    "band": ("#f4f3f0", "#242a31"),
    "on-waits": ("#4a2c00", "#1c1204"),
    "on-joins": ("#4a2c00", "#f3dcb4"),
    "on-lock": ("#ffffff", "#12161a"),
    "on-dark": ("#ffffff", "#ffffff"),
    "green": ("#1a7f37", "#56d364"),
    "red": ("#c4242b", "#ff7b72"),
    "yellow": ("#9a5b00", "#e3b341"),
    "blue": ("#0b57d0", "#79b8ff"),
}
"""What a colour is for, as it is on a light and on a dark card."""
