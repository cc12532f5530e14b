from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.wording import advice, listed
from runtime.container_values import FOLDER, INSIDE
from runtime.facts.trees import Tree
from runtime.values import many


class Rootfs(Check):
    """A root file system: a folder, and what is in it. It is read from outside, and links are not followed."""

    main = "path"
    path = argument(FOLDER, "the folder")
    has = argument(many(INSIDE), "what has to be in it, as the container sees it: /bin/sh", default=())
    lacks = argument(many(INSIDE), "what must not be in it", default=())
    files_ = argument(many(INSIDE), "all files that it has, folders not counted", default=())

    def validate(self) -> None:
        both = set(self.has) & set(self.lacks)
        if both:
            raise Mistake("lacks", f"{listed(sorted(both))} cannot be in it and not in it")

    def trees(self) -> tuple[str, ...]:
        return (self.path,)

    def claim(self) -> str:
        return f"{self.path} is a root file system {self._wanted()}".rstrip()

    def _wanted(self) -> str:
        parts = [f"with {listed(self.has)}" if self.has else "", f"without {listed(self.lacks)}" if self.lacks else "",
                 f"with no other file than {listed(self.files_)}" if self.files_ else ""]
        return ", ".join(filter(None, parts))

    def judge(self, evidence: Evidence) -> Verdict:
        found = evidence.snapshot.tree(self.path)
        expected = self._wanted() or "a folder with something in it"
        actual = _shown(found) if found else "no such folder"
        missing = found and {*self.has} - {*found.files, *found.folders}
        if found and not found.whole and (missing or self.lacks or self.files_):
            return self.not_examined(expected, f"{self.path} has more than 20,000 entries, or folders in more than "
                                     "64 others, and not all of it was looked at")
        hint = self._why_wrong(found)
        return self.failed(expected, actual, hint) if hint else self.passed(expected, actual)

    def _why_wrong(self, found: Tree | None) -> str:
        if found is None:
            return advice(f"there is no folder {self.path}", "make it", f"mkdir -p {self.path}")
        look = f"find {self.path} | head"
        there = {*found.files, *found.folders}
        if not there:
            return advice(f"{self.path} is empty", "see it", f"ls -la {self.path}")
        missing = [each for each in self.has if each not in there]
        if missing:
            return advice(f"there is no {missing[0]} in {self.path}", "see what is there", look)
        extra = [each for each in self.lacks if each in there]
        if extra:
            return advice(f"{extra[0]} is in {self.path}", "take it away", f"rm -rf {self.path}{extra[0]}")
        if self.files_ and {*found.files} != {*self.files_}:
            return self._other_files(found, look)
        return ""

    def _other_files(self, found: Tree, look: str) -> str:
        missing = sorted({*self.files_} - {*found.files})
        if missing:
            return advice(f"there is no file {missing[0]} in {self.path}", "see what is there", look)
        extra = sorted({*found.files} - {*self.files_})
        return advice(f"there are {len(extra)} files too many in {self.path}, as {extra[0]}", "see what is there", look)


def _shown(found: Tree) -> str:
    few = f" ({listed(found.files)})" if 0 < len(found.files) <= 3 else ""
    more = "" if found.whole else " and more"
    return f"{len(found.files)} files{few} and {len(found.folders)} folders{more}"
