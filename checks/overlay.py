from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.wording import advice, listed
from runtime.container_values import FOLDER
from runtime.facts.storage import Overlay as Found
from runtime.facts.storage import Wanted
from runtime.oci.image.words import mount_overlay
from runtime.values import BOOLEAN, many


class Overlay(Check):
    """An overlay is mounted: which folders it lays over each other (mount(8), overlay)."""

    main = "at"
    at = argument(FOLDER, "where it is mounted")
    exists = argument(BOOLEAN, "whether one has to be there", default=True)
    lower = argument(many(FOLDER), "what is below, the uppermost first", default=None)
    upper = argument(FOLDER, "what takes the changes", default=None)
    work = argument(FOLDER, "the folder that overlayfs works in", default=None)

    def validate(self) -> None:
        if not self.exists and (self.lower or self.upper or self.work):
            raise Mistake("exists", "what does not exist has no folders")

    def storage(self) -> Wanted:
        return Wanted(overlays=True)

    def claim(self) -> str:
        if not self.exists:
            return f"no overlay is mounted on {self.at}"
        return f"an overlay{f' of {self._wanted()}' if self._wanted() else ''} is mounted on {self.at}"

    def _wanted(self) -> str:
        parts = (("lower", listed(self.lower) if self.lower else None), ("upper", self.upper), ("work", self.work))
        return ", ".join(f"{name} {value}" for name, value in parts if value)

    def judge(self, evidence: Evidence) -> Verdict:
        found = evidence.snapshot.storage.overlay(self.at)
        expected = (self._wanted() or "an overlay") if self.exists else "no overlay"
        actual = _shown(found) if found else "no overlay"
        hint = self._why_wrong(found)
        return self.failed(expected, actual, hint) if hint else self.passed(expected, actual)

    def _why_wrong(self, found: Found | None) -> str:
        if found is None:
            lower, upper, work = self.lower or ("LOWER",), self.upper or "UPPER", self.work or "WORK"
            return advice(f"no overlay is mounted on {self.at}", "mount it", mount_overlay(
                self.at, lower, upper, work)) if self.exists else ""
        if not self.exists:
            return advice(f"an overlay is mounted on {self.at}", "take it away", f"umount {self.at}")
        for name, wanted, is_ in (("lower", self.lower, found.lower), ("upper", self.upper, found.upper),
                                  ("work", self.work, found.work)):
            if wanted is not None and wanted != is_:
                was, has_to = (each if isinstance(each, str) else listed(each) for each in (is_, wanted))
                anew = mount_overlay(self.at, self.lower or found.lower, self.upper or found.upper,
                                     self.work or found.work)
                return advice(f"{name} of the overlay on {self.at} is {was or 'none'}, not {has_to}", "mount it anew",
                              f"umount {self.at}", anew)
        return ""


def _shown(found: Found) -> str:
    above = f", upper {found.upper}, work {found.work}" if found.upper else ""
    return f"lower {listed(found.lower)}{above}"
