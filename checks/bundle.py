from __future__ import annotations

from posixpath import join

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.bundles import read
from checks.reasoning.wording import advice
from runtime.container_values import FOLDER
from runtime.facts.snapshot import Snapshot
from runtime.oci.command_line import config_of
from runtime.oci.config import parse_path, values
from runtime.values import BOOLEAN


class Bundle(Check):
    """A folder is a bundle: in it are a config.json and the root file system that it names (OCI runtime spec)."""

    main = "path"
    path = argument(FOLDER, "the folder")
    complete = argument(BOOLEAN, "whether it has to be one, or something is missing", default=True)

    def files(self) -> tuple[str, ...]:
        return (config_of(self.path),)

    def trees(self) -> tuple[str, ...]:
        return (self.path,)

    def claim(self) -> str:
        return f"{self.path} is {'a bundle' if self.complete else 'no complete bundle'}"

    def judge(self, evidence: Evidence) -> Verdict:
        missing = self._missing(evidence.snapshot)
        expected = "config.json and the root file system" if self.complete else "something is missing"
        if (found := read(evidence.snapshot, self.path)).unexamined:
            return self.not_examined(expected, found.problem)
        actual = "something is missing" if missing else "config.json and the root file system"
        if bool(missing) != self.complete:
            return self.passed(expected, actual)
        return self.failed(expected, actual, missing or f"{self.path} is whole")

    def _missing(self, snapshot: Snapshot) -> str:
        """What is missing and what to do, '' when nothing is."""
        found = read(snapshot, self.path)
        if found.config is None:
            return found.problem
        named = values(found.config, parse_path("root.path"))
        if not named:
            return advice("config.json names no root.path", "see it", f"cat {config_of(self.path)}")
        folder, tree = join(self.path, str(named[0])), snapshot.tree(self.path)
        inside = folder.startswith(f"{self.path}/")  # one elsewhere is allowed too (config.md, Root), and not looked at
        if tree is None or (inside and folder.removeprefix(self.path) not in tree.folders):
            return advice(f"config.json names {folder} as the root file system, and there is no such folder", "make it",
                          f"mkdir -p {folder}")
        return ""
