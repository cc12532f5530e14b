"""A rule of nf_tables read: its expressions, run over symbols instead of packets, give what it demands and does.

An expression loads a value into a register, compares a register, or acts (net/netfilter/nft_*.c). Here a register holds
the *field* that was loaded, so that a comparison becomes a Condition, in one normal form whoever wrote the rule.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache

from runtime.netlink.message import attributes, iterate, to_big32, to_text
from runtime.netlink.nf_tables import actions
from runtime.netlink.nf_tables.conditions import EQ, NEQ, Condition, Range, among, compared
from runtime.netlink.nf_tables.fields import CT, META, Field, fib, hexadecimal, raw, spanned
from runtime.netlink.nf_tables.messages import DATA_VALUE, EXPRESSION_DATA, EXPRESSION_NAME, FAMILIES
from runtime.netlink.nf_tables.reading import Attributes, Decoded, Loaded, Reading, Value, word_of
from runtime.netlink.nf_tables.sets import Entry, Set, entries

_CACHED_RULES = 4096
_REGISTER_OCTETS = 64  # NFT_DATA_VALUE_MAXLEN


@lru_cache(maxsize=_CACHED_RULES)
def decode(family: int, expressions: bytes, sets: tuple[Set, ...] = ()) -> Decoded:
    """A rule from its expressions (NFTA_RULE_EXPRESSIONS). family: NFPROTO_*; sets: those that it was found to want."""
    reading = Reading(FAMILIES.get(family, ""), sets)
    for _, packed in iterate(expressions):
        _take(reading, packed)
    return reading.result()


def _take(reading: Reading, packed: bytes) -> None:
    """One expression. One that cannot be read stays visible by its name, and what it may have loaded is not known."""
    found = attributes(packed)
    name = to_text(found.get(EXPRESSION_NAME, b""))
    try:
        _READERS[name](reading, attributes(found.get(EXPRESSION_DATA, b"")))
    except (KeyError, ValueError, IndexError, struct.error):
        reading.others.append(f"expr {name}")
        reading.registers.clear()


def _value(packed: bytes) -> bytes:
    return attributes(packed)[DATA_VALUE]


def _of(field: Field) -> Loaded:
    return Loaded((field,), field.size, field, field.native)


# Expressions that load


def _meta(reading: Reading, found: Attributes) -> None:
    _load_or_set(reading, META, "meta", found, written=3)


def _ct(reading: Reading, found: Attributes) -> None:
    _load_or_set(reading, CT, "ct", found, written=4)


def _load_or_set(reading: Reading, fields: dict[int, Field], prefix: str, found: Attributes, written: int) -> None:
    """`written` is the attribute that a rule has which sets the field instead of loading it."""
    key = to_big32(found[2])
    field = fields.get(key) or Field(f"{prefix} key {key}", 4, hexadecimal, native=True)
    if written in found:
        actions.set_field(reading, field, found[written])
    else:
        reading.load(found[1], _of(field))


def _payload(reading: Reading, found: Attributes) -> None:
    base, offset, length = (to_big32(found[i]) for i in (2, 3, 4))
    if 1 not in found or length > _REGISTER_OCTETS:
        raise ValueError("this one writes, or is none")
    whole = raw(base, offset, length)
    header = ("ether", reading.network, reading.transport or "th")[base] if base < 3 else ""
    reading.load(found[1], Loaded(spanned(header, offset, length) or (whole,), length, whole, False))


def _fib(reading: Reading, found: Attributes) -> None:
    result, flags = to_big32(found[2]), to_big32(found[3])
    if result != 3 or flags not in (1, 2):  # not the kind of one address alone
        raise ValueError("this kind of look-up has no name here")
    reading.load(found[1], _of(fib("saddr" if flags == 1 else "daddr")))


def _bitwise(reading: Reading, found: Attributes) -> None:
    value = reading.held(found[1])
    if to_big32(found.get(6, bytes(4))) or not isinstance(value, Loaded) or value.mask:
        raise ValueError("a shift, or a mask on a mask")
    reading.load(found[2], value._replace(mask=_value(found[4]), flip=_value(found[5])))


def _byteorder(reading: Reading, found: Attributes) -> None:
    value = reading.held(found[1])
    if not isinstance(value, Loaded):
        raise ValueError("no field to turn round")
    reading.load(found[2], value._replace(native=False))


def _immediate(reading: Reading, found: Attributes) -> None:
    if to_big32(found[1]) == 0:
        actions.judge(reading, found[2])
    else:
        reading.load(found[1], _value(found[2]))


# Expressions that compare


def _cmp(reading: Reading, found: Attributes) -> None:
    for condition in _comparisons(reading.held(found[1]), to_big32(found[2]), _value(found[3])):
        reading.demand(condition)


def _comparisons(loaded: Value, operator: int, value: bytes) -> list[Condition]:
    if not isinstance(loaded, Loaded):
        raise ValueError("a comparison of what no packet has")
    mask = loaded.mask
    if mask:
        value = bytes(a ^ b for a, b in zip(value, loaded.flip, strict=False))
    if len(loaded.fields) == 1 or operator != EQ:
        field = loaded.fields[0] if len(loaded.fields) == 1 else loaded.whole
        return [compared(field, operator, value, mask, loaded.native)]
    found, offset = [], 0
    for field in loaded.fields:
        end = offset + field.size
        found.append(compared(field, operator, value[offset:end], mask[offset:end], loaded.native))
        offset = end
    return found


def _range(reading: Reading, found: Attributes) -> None:
    loaded, low, high = reading.held(found[1]), _value(found[3]), _value(found[4])
    if not isinstance(loaded, Loaded) or len(loaded.fields) != 1 or loaded.mask:
        raise ValueError("a range of more than one field")
    ends = (compared(loaded.fields[0], EQ, end, b"", loaded.native).ranges[0] for end in (low, high))
    (first, _), (_, last) = ends
    reading.demand(Condition(loaded.fields[0], ((first, last),), to_big32(found[2]) == NEQ))


def _lookup(reading: Reading, found: Attributes) -> None:
    name, parts = to_text(found[1]), _concatenation(reading, word_of(found[2]))
    negated = bool(to_big32(found.get(5, bytes(4))) & 1)
    key = " . ".join(part.name for part in parts)
    if not name.startswith("__"):
        content: list[Entry] | str = f"@{name}"
    elif name in reading.sets:
        content = entries(reading.sets[name])
    else:
        reading.wanted.append(name)
        content = f"@{name}"
    reading.fresh.clear()
    if 3 in found:
        actions.look_up(reading, found[3], key, content if isinstance(content, str) else _shown(parts, content))
    elif isinstance(content, list) and len(parts) == 1 and len(parts[0].fields) == 1 and not parts[0].mask:
        reading.demand(among(parts[0].fields[0], [_limits(parts[0], entry) for entry in content], negated))
    else:
        masks = "".join(f" & 0x{part.mask.hex()}" for part in parts if part.mask)
        shown = content if isinstance(content, str) else _shown(parts, content)
        reading.others.append(f"{key}{masks}{' !=' if negated else ''} {shown}")


def _concatenation(reading: Reading, word: int) -> list[Loaded]:
    """What is looked up: the fields in the registers from `word` on, as far as they were loaded for this."""
    parts, fresh = [reading.registers[word]], set(reading.fresh)
    while isinstance(parts[-1], Loaded):
        word += (parts[-1].length + 3) // 4
        if word not in fresh:
            break
        parts.append(reading.registers[word])
    if not all(isinstance(part, Loaded) for part in parts):
        raise ValueError("a look-up of what no packet has")
    return [part for part in parts if isinstance(part, Loaded)]


def _limits(part: Loaded, entry: Entry) -> Range:
    """The ends of an entry. Where it is a range, its keys are in network order: nft turned the field round."""
    low, high = (compared(part.fields[0], EQ, end, b"", part.native).ranges[0] for end in entry[:2])
    return low[0], high[1]


def _shown(parts: list[Loaded], content: list[Entry]) -> str:
    shown = []
    for entry in content:
        offset, texts = 0, []
        for part in parts:
            end = offset + part.length
            ends = Entry(entry.first[offset:end], entry.last[offset:end], "")
            field = part.fields[0] if len(part.fields) == 1 else part.whole
            texts.append(field.show(*_limits(part._replace(fields=(field,)), ends)))
            offset += (part.length + 3) // 4 * 4
        shown.append(" . ".join(texts) + (f" : {entry.data}" if entry.data else ""))
    return f"{{ {', '.join(shown)} }}"


_READERS: dict[str, Callable[[Reading, Attributes], None]] = {
    "meta": _meta, "ct": _ct, "payload": _payload, "fib": _fib, "bitwise": _bitwise, "byteorder": _byteorder,
    "immediate": _immediate, "cmp": _cmp, "range": _range, "lookup": _lookup, **actions.READERS,
}
