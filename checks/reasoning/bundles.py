"""Bundles (OCI runtime spec, bundle.md) as a Snapshot shows them: what bundle and config share."""

from __future__ import annotations

from typing import Any, NamedTuple

from checks.reasoning.wording import advice
from runtime.facts.snapshot import Snapshot
from runtime.oci.command_line import config_of, spec
from runtime.oci.config import Unreadable, read_config


class Bundle(NamedTuple):
    """What is known of a bundle. config: of its config.json; None when it cannot be read, and `problem` says why.

    unexamined: whether there is one that labrun could not read: what is in it is not known.
    """

    config: dict[str, Any] | None
    problem: str = ""
    unexamined: bool = False


def read(snapshot: Snapshot, bundle: str) -> Bundle:
    """The bundle in that folder. Its config.json has to be among the files of the Snapshot."""
    path = config_of(bundle)
    found = snapshot.file(path)
    if found is None:
        return Bundle(None, advice(f"there is no {path}", "make one", spec(snapshot.runtime, bundle)))
    if found.text is None:
        why = f", since {found.problem}" if found.problem else ""
        return Bundle(None, advice(f"{path} cannot be read as a text{why}", "see what it is", f"ls -ld {path}"),
                      bool(found.problem))
    try:
        return Bundle(read_config(found.text))
    except Unreadable as unreadable:
        why = str(unreadable).replace(": ", " - ")  # a hint has one ': ', before its command
        return Bundle(None, advice(f"{path} cannot be read, {why}", "see it", f"cat {path}"))
