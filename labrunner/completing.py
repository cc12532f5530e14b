"""Completion on the command line: commands, options, labs and steps, by argcomplete."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from runtime.errors import Problem

_UNDER_WAY = ("check", "hint", "solve", "goto", "reset", "diff", "watch", "stop", "shell", "attach")


def complete(parser: argparse.ArgumentParser) -> None:
    """Tell the shell how the words that were typed can go on. Never returns when it is the shell that asks."""
    import argcomplete

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, declared in action.choices.items():
                _equip(command, declared)
    argcomplete.autocomplete(parser, always_complete_options=False)


def script(shell: str) -> str:
    """What a shell has to read once so that it asks."""
    from argcomplete.shell_integration import shellcode

    return str(shellcode(["labrun"], shell=shell))


def _equip(command: str, parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if action.metavar == "LAB":
            action.completer = _under_way if command in _UNDER_WAY else _labs  # type: ignore[attr-defined]
        elif action.metavar == "STEP":
            action.completer = _steps  # type: ignore[attr-defined]


def _labs(**_: Any) -> Iterable[str]:
    from labrunner.catalogue.catalog import catalogue

    return list(catalogue().labs)  # of a dict the values would be taken for descriptions


def _under_way(**_: Any) -> Iterable[str]:
    from labrunner.kept.place import kept

    with suppress(Problem):
        return [each.lab for each in kept()]
    return []


def _steps(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    """Those of the lab that is named, or else of the one that is under way."""
    from labrunner.catalogue.catalog import find
    from labrunner.kept.place import meant
    from labrunner.language.loading import load

    with suppress(Problem):
        named = getattr(parsed_args, "lab", "") or ""
        lab = named if parsed_args.command not in _UNDER_WAY else meant(named).lab
        return [step.id for step in load(find(lab)).steps]
    return []
