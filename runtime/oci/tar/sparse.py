"""Sparse files in a tar: of their holes only the places are told (GNU tar manual, "Storing Sparse Files").

GNU's own format tells them in the header and in blocks behind it, POSIX's (1.0) in lines before the data.
"""

from __future__ import annotations

from collections.abc import Mapping

from runtime.oci.tar.streams import Reader, Unfit, take

_BLOCK = 512
_MOST = 10_000  # pieces of data in one file
_LONGEST = 20  # digits
_DAMAGED = "what it tells of the holes in a sparse file is damaged"

Extents = tuple[tuple[int, int], ...]


def is_posix(said: Mapping[str, str]) -> bool:
    """Whether the records before a header tell of holes."""
    return any(key.startswith("GNU.sparse.") for key in said)


def of_gnu(block: bytes, reader: Reader) -> tuple[Extents, int]:
    """Where the data of a header of type S go, in bytes, and how large the file is. Raises Unfit."""
    numbers, more = _fields(block[386:482]), block[482]
    while more:
        behind = take(reader, _BLOCK)
        numbers, more = numbers + _fields(behind[:504]), behind[504]
        if len(numbers) > 2 * _MOST:
            raise Unfit(f"a sparse file has more than {_MOST} pieces")
    [size] = _fields(block[483:495]) or [0]
    return _checked(numbers, size), size


def of_posix(said: Mapping[str, str], reader: Reader) -> tuple[Extents, int]:
    """The same from the lines before the data: how many pieces, then where and how long each is. Raises Unfit."""
    if (said.get("GNU.sparse.major"), said.get("GNU.sparse.minor")) != ("1", "0"):
        raise Unfit("it has a sparse file of an old kind (before POSIX 1.0)", "write the archive without --sparse")
    begin, lines = reader.position, [b""]
    while len(lines) < 2 or len(lines) < 2 + 2 * _number(lines[0], _MOST):
        lines[-1:] = (lines[-1] + take(reader, _BLOCK)).split(b"\n")
        if len(lines[-1].rstrip(b"\0")) > _LONGEST or reader.position - begin > 2 * _LONGEST * (_MOST + 1):
            raise Unfit(_DAMAGED)
    size = _number(said.get("GNU.sparse.realsize", "").encode())
    return _checked([_number(line) for line in lines[1:1 + 2 * _number(lines[0])]], size), size


def _checked(numbers: list[int], size: int) -> Extents:
    """Pairs of them, one behind the other, within a file of `size` bytes."""
    pairs, end = tuple(zip(numbers[::2], numbers[1::2], strict=False)), 0
    for start, length in pairs:
        if start < end:
            raise Unfit(_DAMAGED)
        end = start + length
    if end > size:
        raise Unfit(_DAMAGED)
    return tuple(pair for pair in pairs if pair[1])


def _fields(data: bytes) -> list[int]:
    """Numbers of 12 bytes each, up to the first empty one: octal, or binary with the first bit set."""
    found = []
    for field in (data[at:at + 12] for at in range(0, len(data) - 11, 12)):
        if not any(field):
            break
        if field[0] == 0x80:
            found.append(int.from_bytes(field[1:], "big"))
        else:
            found.append(_number(field.strip(b" \0"), base=8))
    return found


def _number(digits: bytes, most: int = 1 << 63, base: int = 10) -> int:
    if not digits.isdigit() or len(digits) > _LONGEST:
        raise Unfit(_DAMAGED)
    try:
        number = int(digits, base)
    except ValueError:
        raise Unfit(_DAMAGED) from None
    if number > most:
        raise Unfit(_DAMAGED)
    return number
