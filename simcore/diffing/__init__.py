"""Diff: in what two runs differ, in the terms that matter: who got what before whom.

`simcore.diffing.meaning` says which events carry order and what of them is compared.
"""

from simcore.diffing.compare import diff as diff
from simcore.diffing.result import Diff as Diff

__all__ = ["Diff", "diff"]
