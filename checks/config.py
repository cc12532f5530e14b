from __future__ import annotations

import json
from typing import Any

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.bundles import read
from checks.reasoning.wording import advice
from runtime.container_values import CONFIG_PATH, FOLDER, JSON, thaw
from runtime.oci.command_line import config_of
from runtime.oci.config import jq_path, parse_path, values
from runtime.values import BOOLEAN

_SHOWN = 80  # characters


class Config(Check):
    """A value in the config.json of a bundle (OCI runtime spec, config.md)."""

    bundle = argument(FOLDER, "the folder of the bundle")
    at = argument(CONFIG_PATH, "where in it")
    is_ = argument(JSON, "the value that it has to have", default=None)
    has = argument(JSON, "an element that the list there has to have", default=None)
    lacks = argument(JSON, "an element that the list there must not have", default=None)
    exists = argument(BOOLEAN, "whether there has to be something", default=None)

    def validate(self) -> None:
        if [self.is_, self.has, self.lacks, self.exists].count(None) != 3:
            raise Mistake("", "it needs one of is, has, lacks and exists, and no two of them")

    def files(self) -> tuple[str, ...]:
        return (config_of(self.bundle),)

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        return f"{self.at} in {config_of(self.bundle)} {self._wanted()}"

    def _wanted(self) -> str:
        if self.exists is not None:
            return "is there" if self.exists else "is not there"
        if self.is_ is not None:
            return f"is {_shown(thaw(self.is_))}"
        return f"has {_shown(thaw(self.has))} in it" if self.has is not None else f"lacks {_shown(thaw(self.lacks))}"

    def judge(self, evidence: Evidence) -> Verdict:
        found = read(evidence.snapshot, self.bundle)
        if found.unexamined:
            return self.not_examined(self._wanted(), found.problem)
        if found.config is None:
            return self.failed(self._wanted(), "cannot be told", found.problem)
        there = values(found.config, parse_path(self.at))
        actual = " and ".join(map(_shown, there)) or "nothing there"
        if self._is_right(there):
            return self.passed(self._wanted(), actual)
        look = f"jq '{jq_path(parse_path(self.at))}' {config_of(self.bundle)}"
        cause = f"{self.at} is {actual}" if there else f"there is no {self.at} in {config_of(self.bundle)}"
        return self.failed(self._wanted(), actual, advice(cause.replace(": ", ":"), "see it", look))

    def _is_right(self, there: list[Any]) -> bool:
        if self.exists is not None:
            return bool(there) is self.exists
        if not there:
            return False
        if self.is_ is not None:
            return all(each == thaw(self.is_) for each in there)
        wanted = thaw(self.lacks if self.has is None else self.has)
        return all(isinstance(each, list) and (wanted in each) is (self.has is not None) for each in there)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
