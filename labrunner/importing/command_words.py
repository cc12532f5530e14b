"""The words of a command, taken one by one as far as a verb of the lab language says the same."""

from __future__ import annotations


class NoVerb(Exception):
    """No verb of the lab language does exactly this."""


def take(words: list[str]) -> str:
    """The first of the words, which is gone from them then. Raises NoVerb when there is none."""
    if not words:
        raise NoVerb
    return words.pop(0)
