from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.membership import SUBJECT, process_of, show_inode
from checks.reasoning.wording import advice, listed
from runtime.container_values import NAMESPACE_KINDS
from runtime.facts.processes import NAMESPACES
from runtime.network.netns import LAB_HOST


class Namespaces(Check):
    """Which namespaces a process has for itself, and which it shares with another (namespaces(7), /proc/PID/ns)."""

    of = argument(SUBJECT, "whose: 'container NAME', 'process COMMAND' or 'pid NUMBER'")
    own = argument(NAMESPACE_KINDS, "the kinds in which it is apart", default=())
    shared = argument(NAMESPACE_KINDS, "the kinds that the two share", default=())
    with_ = argument(SUBJECT, "with whom it is compared: the same, or labhost", default=LAB_HOST)

    def validate(self) -> None:
        if not self.own and not self.shared:
            raise Mistake("", "it needs 'own' or 'shared', or both")
        both = set(self.own) & set(self.shared)
        if both:
            raise Mistake("shared", f"{listed(sorted(both))} cannot be both: its own, and shared")
        if self.of == self.with_:
            raise Mistake("with", "it is compared with itself")

    def claim(self) -> str:
        own = f"a {self.own[0]} namespace" if len(self.own) == 1 else f"{listed(self.own)} namespaces"
        parts = [f"has {own} of its own" if self.own else "",
                 f"shares {listed(self.shared)} with {self.with_}" if self.shared else ""]
        return f"{self.of} {', and '.join(filter(None, parts))}"

    def judge(self, evidence: Evidence) -> Verdict:
        expected = self._told(self.own, self.shared)
        one, problem = process_of(evidence.snapshot, self.of)
        other, problem_of_other = process_of(evidence.snapshot, self.with_)
        if one is None or other is None:
            return self.failed(expected, "cannot be told", problem or problem_of_other)
        asked = [kind for kind in NAMESPACES if kind in (*self.own, *self.shared)]
        own = [kind for kind in asked if one.namespace(kind) != other.namespace(kind)]
        shared = [kind for kind in asked if kind not in own]
        actual = self._told(own, shared)
        wrong = [kind for kind in asked if (kind in own) != (kind in self.own)]
        if not wrong:
            return self.passed(expected, actual)
        says = "is shared" if wrong[0] in shared else "is its own"
        hint = advice(f"the {wrong[0]} namespace of {self.of} {says}", "compare",
                      *(show_inode(wrong[0], subject) for subject in (self.of, self.with_)))
        return self.failed(expected, actual, hint)

    @staticmethod
    def _told(own: tuple[str, ...] | list[str], shared: tuple[str, ...] | list[str]) -> str:
        order = NAMESPACES.index
        return f"own: {listed(sorted(own, key=order))}; shared: {listed(sorted(shared, key=order))}"
