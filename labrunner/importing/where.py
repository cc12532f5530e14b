"""Where a command of the notes acts."""

from __future__ import annotations

from runtime.network.netns import LAB_HOST


def here(netns: str, argument: str = "netns") -> dict[str, str]:
    """The argument of a statement that names the netns; a lab leaves it out for the lab host."""
    return {} if netns == LAB_HOST else {argument: netns}
