from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.membership import KIND, SUBJECTS, are_netns, membership, show_inode
from checks.reasoning.wording import advice, listed


class DifferentNamespace(Check):
    """Two or more are each in a namespace of their own: the inodes differ (namespaces(7))."""

    main = "between"
    between = argument(SUBJECTS, "what to compare")
    kind = argument(KIND, "the kind of namespace", default="net")

    def is_told(self) -> bool:
        return are_netns(self.between)

    def claim(self) -> str:
        return f"{listed(self.between)} are each in a {self.kind} namespace of their own"

    def judge(self, evidence: Evidence) -> Verdict:
        expected = "a namespace each (different inodes)"
        there = membership(evidence.snapshot, self.kind, self.between)
        if there.problem:
            return self.failed(expected, "cannot be told", there.problem)
        if there.distinct == len(self.between):
            return self.passed(expected, there.shown)
        compare = (show_inode(self.kind, subject) for subject in there.sharing)
        hint = advice(f"{listed(there.sharing)} share a namespace", "compare", *compare)
        return self.failed(expected, there.shown, hint)
