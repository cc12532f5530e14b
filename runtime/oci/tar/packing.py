"""What is in a gzip file, piece by piece: one that unpacks to a thousand times as much takes no more memory."""

from __future__ import annotations

from runtime.oci.tar.streams import PIECE, Chunks, Unfit

_GZIP = b"\x1f\x8b"
_OTHERS = {b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz", b"BZh": "bzip2", b"\x04\x22\x4d\x18": "lz4", b"LZIP": "lzip",
           b"\x1f\x9d": "compress", b"\x5d\0\0": "lzma"}
_LONGEST = 5  # bytes
_WITH_GZIP_HEADER = 31  # zlib.decompressobj(wbits=)


def is_packed(first: bytes) -> bool:
    """Whether a file that begins so is packed."""
    return first.startswith((_GZIP, *_OTHERS))


def unpacked(chunks: Chunks) -> Chunks:
    """The same bytes, and of a gzip file (RFC 1952) what is in it. Raises Unfit for what else packs."""
    first = next(chunks, b"")
    while 0 < len(first) < _LONGEST and (more := next(chunks, b"")):
        first += more
    for magic, name in _OTHERS.items():
        if first.startswith(magic):
            raise Unfit(f"it is compressed with {name}, which labrun cannot read",
                        f"decompress it with {name}, and compress it with gzip")
    whole = _chain(first, chunks)
    return _gunzip(whole) if first.startswith(_GZIP) else whole


def _chain(first: bytes, rest: Chunks) -> Chunks:
    if first:
        yield first
    yield from rest


def _gunzip(chunks: Chunks) -> Chunks:
    """A gzip file may have several members, and zeros behind them (gzip(1))."""
    import zlib

    member = None
    try:
        for chunk in chunks:
            rest = chunk
            while rest := rest if member else rest.lstrip(b"\0"):
                member = member or zlib.decompressobj(_WITH_GZIP_HEADER)
                if piece := member.decompress(rest, PIECE):
                    yield piece
                rest = member.unused_data if member.eof else member.unconsumed_tail
                member = None if member.eof else member
    except zlib.error as error:
        raise Unfit(f"its gzip is damaged: {error}") from None
    if member:
        raise Unfit("its gzip ends in the middle: it is cut off")
