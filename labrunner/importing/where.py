"""Where a command of the notes acts."""

from __future__ import annotations

from runtime.network.netns import LAB_HOST


def here(netns: str) -> dict[str, str]:
    """The argument `netns` of a statement; a lab leaves it out for the lab host."""
    return {} if netns == LAB_HOST else {"netns": netns}
