"""Diff: in what two runs differ, in the terms that matter: who got what before whom.

`simcore.diffing.meaning` says which events carry order and what of them is compared.
"""

from simcore.diffing.compare import diff as diff
from simcore.diffing.grouped import GroupDiff as GroupDiff
from simcore.diffing.groups import diff_groups as diff_groups
from simcore.diffing.result import Diff as Diff

__all__ = ["Diff", "GroupDiff", "diff", "diff_groups"]
