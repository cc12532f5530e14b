from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.wording import advice
from runtime.container_values import FOLDER, STEP
from runtime.facts.storage import Wanted
from runtime.values import BOOLEAN, whole_number

_KIB = 1024
_SIZE = whole_number(0, 1 << 30)


class DiskUse(Check):
    """How much room a folder takes on the disk, and how much more than in an earlier step (du(1))."""

    main = "of"
    of = argument(FOLDER, "the folder")
    since = argument(STEP, "id of the earlier step; then it is asked for what came since", default=None)
    same = argument(BOOLEAN, "whether it takes as much as then", default=None)
    at_most = argument(_SIZE, "KiB", default=None)
    at_least = argument(_SIZE, "KiB", default=None)

    def validate(self) -> None:
        if self.same is None and self.at_most is None and self.at_least is None:
            raise Mistake("", "it needs 'same', 'at_most' or 'at_least'")
        if self.same is not None and not self.since:
            raise Mistake("same", "it needs 'since', the step that it is compared with")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise Mistake("at_least", "it is more than 'at_most'")

    def storage(self) -> Wanted:
        return Wanted(disk=(self.of,))

    def claim(self) -> str:
        return f"{self.of} takes {self._wanted()}"

    def _wanted(self) -> str:
        more = f" more than in step '{self.since}'" if self.since else ""
        same = {None: "", True: f"as much as in step '{self.since}'", False: f"not as much as in step '{self.since}'"}
        return " and ".join(filter(None, (
            same[self.same],
            f"at most {self.at_most} KiB{more}" if self.at_most is not None else "",
            f"at least {self.at_least} KiB{more}" if self.at_least is not None else "")))

    def judge(self, evidence: Evidence) -> Verdict:
        expected, before = self._wanted(), 0
        now = evidence.snapshot.storage.disk_use(self.of)
        if now is None:
            return self.failed(expected, "no such folder", advice(f"there is no folder {self.of}", "see what is there",
                                                                  "ls -l /tmp"))
        if self.since:
            then = evidence.earlier.get(self.since)
            known = then.storage.disk_use(self.of) if then else None
            if known is None:
                return self.failed(expected, f"{now.size // _KIB} KiB",
                                   f"nobody knows how much {self.of} took in step '{self.since}'")
            before = known.size
        grown = now.size - before
        actual = f"{now.size // _KIB} KiB" + (f", {grown / _KIB:+g} KiB" if self.since else "")
        if self._holds(grown):
            return self.passed(expected, actual)
        came = f" and took {before // _KIB} KiB in step '{self.since}'" if self.since else ""
        return self.failed(expected, actual, advice(f"{self.of} takes {now.size // _KIB} KiB{came}",
                                                    "see what takes it", f"du -ak {self.of}"))

    def _holds(self, grown: int) -> bool:
        return ((self.same is None or self.same == (grown == 0))
                and (self.at_most is None or grown <= self.at_most * _KIB)
                and (self.at_least is None or grown >= self.at_least * _KIB))
