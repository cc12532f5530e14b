"""Variables of a lab as a person gives them on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from labrunner.errors import UsageError


def variables(pairs: Sequence[str]) -> dict[str, str]:
    """'NAME=VALUE' texts as a mapping. Raises UsageError."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"'--set {pair}' is not of the form VAR=VALUE", mend="as in --set subnet=10.1.0.0/24")
        found[name] = value
    return found
