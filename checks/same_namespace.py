from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.membership import KIND, SUBJECTS, are_netns, membership, show_inode
from checks.reasoning.wording import advice, listed


class SameNamespace(Check):
    """Two or more are in one namespace: the kernel gives them the same inode (namespaces(7))."""

    main = "between"
    between = argument(SUBJECTS, "what to compare")
    kind = argument(KIND, "the kind of namespace", default="net")

    def is_told(self) -> bool:
        return are_netns(self.between)

    def claim(self) -> str:
        return f"{listed(self.between)} are in one {self.kind} namespace"

    def judge(self, evidence: Evidence) -> Verdict:
        expected = "one namespace (one inode)"
        there = membership(evidence.snapshot, self.kind, self.between)
        if there.problem:
            return self.failed(expected, "cannot be told", there.problem)
        if there.distinct == 1:
            return self.passed(expected, there.shown)
        compare = (show_inode(self.kind, subject) for subject in self.between)
        hint = advice(f"they are in {there.distinct} namespaces", "compare", *compare)
        return self.failed(expected, there.shown, hint)
