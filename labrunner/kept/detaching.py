"""The keys by which one leaves a container without ending it."""

from __future__ import annotations

from labrunner.errors import UsageError

DEFAULT = "ctrl-p,ctrl-q"
_CONTROL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def parse(keys: str) -> bytes:
    """'ctrl-p,ctrl-q' or 'x,y' as bytes: what docker(1), --detach-keys, takes. '' for none. Raises UsageError."""
    found = [_key(key) for key in keys.split(",")] if keys else []
    if None in found:
        raise UsageError(f"'{keys}' are no keys to detach by",
                         mend=f"separate them by commas, each a letter or ctrl- and a letter: {DEFAULT}")
    return b"".join(filter(None, found))


def _key(key: str) -> bytes | None:
    if len(key) == 1 and key.isascii() and key.isprintable():
        return key.encode()
    last = key.removeprefix("ctrl-").lower()
    if not key.startswith("ctrl-") or len(last) != 1:
        return None
    if "a" <= last <= "z":
        return bytes([ord(last) - ord("a") + 1])
    return bytes([_CONTROL[last]]) if last in _CONTROL else None


class Watch:
    """Looks for the keys in what is typed; what may be their beginning is held back until it is known."""

    def __init__(self, keys: bytes) -> None:
        self._keys, self._held = keys, 0

    def passed(self, data: bytes) -> tuple[bytes, bool]:
        """What goes on, and whether the keys were typed: nothing that comes after them goes on."""
        if not self._keys:
            return data, False
        typed = self._keys[:self._held] + data
        place = typed.find(self._keys)
        if place >= 0:
            return typed[:place], True
        self._held = next(length for length in range(min(len(self._keys) - 1, len(typed)), -1, -1)
                          if typed.endswith(self._keys[:length]))
        return typed[:len(typed) - self._held], False
