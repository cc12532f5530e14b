"""The words of the lab language: actions and checks, each found by the name of its file."""

from __future__ import annotations

import importlib
import os
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from checks.language.check import Check
from checks.language.statement import Statement
from labrunner.action import Action

S = TypeVar("S", bound=Statement)


class _SortFields(NamedTuple):
    noun: str
    package: str
    key: str
    example: str


class Sort(_SortFields, Generic[S]):
    """A sort of statement.

    noun: what it is called.  package: its files are the words.  key: where in a step it stands.  example: one of it.
    """

    @property
    def words(self) -> tuple[str, ...]:
        return words(self.package)

    def find(self, word: str) -> type[S]:
        """The class in the file `word`.py: add_veth -> AddVeth. The file of a keyword is called not_.py."""
        found: type[S] = _class(self.package, word)
        return found


ACTIONS: Sort[Action] = Sort("action", "labrunner.actions", "do", "add_netns: c1")
CHECKS: Sort[Check] = Sort("check", "checks", "check", "netns: c1")


def words(package: str) -> tuple[str, ...]:
    """The words of a sort of statement: the files of its package."""
    return tuple(_files(package))


def word(statement: Statement) -> str:
    """The word that a lab writes for an action or a check."""
    return type(statement).__module__.rpartition(".")[2].rstrip("_")


@cache
def _class(package: str, word: str) -> Any:
    module = importlib.import_module(f"{package}.{_files(package)[word]}")
    return getattr(module, "".join(part.capitalize() for part in word.split("_")))


@cache
def _files(package: str) -> dict[str, str]:
    """Word -> the name of its module."""
    folder = os.path.dirname(importlib.import_module(package).__file__ or "")
    names = sorted(name[:-3] for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("_"))
    return {name.rstrip("_"): name for name in names}
