"""The normal form of what a netfilter rule demands: one condition a field, and its words in nft(8). Pure functions."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple

from runtime.netlink.nf_tables.fields import Field

Range = tuple[int, int]  # both ends included

EQ, NEQ, LT, LTE, GT, GTE = range(6)  # enum nft_cmp_ops


class Condition(NamedTuple):
    """The field's value, after `mask` when there is one, is (`negated`: is not) in one of `ranges`."""

    field: Field
    ranges: tuple[Range, ...]
    negated: bool = False
    mask: int | None = None


def among(field: Field, ranges: Iterable[Range], negated: bool = False) -> Condition:
    """The value is in one of `ranges`; those that overlap or touch become one."""
    merged: list[Range] = []
    gap = 0 if field.discrete or field.bits else 1
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + gap:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return Condition(field, tuple(merged), negated)


def masked(field: Field, mask: int, value: int, negated: bool = False) -> Condition:
    """`field & mask == value`. A mask that is a prefix makes it a range; a mask of all ones, a single value."""
    free = field.full & ~mask
    prefix = free & (free + 1) == 0 and value & free == 0
    if prefix and (free == 0 or not field.bits):
        return Condition(field, ((value, value | free),), negated)
    return Condition(field, ((value, value),), negated, mask)


def any_bit(field: Field, bits: int, negated: bool = False) -> Condition:
    """At least one of `bits` is set (negated: none is)."""
    return masked(field, bits, 0, not negated)


def compared(field: Field, operator: int, value: bytes, mask: bytes = b"", native: bool | None = None) -> Condition:
    """One comparison as the kernel has it. A value shorter than the field leaves the rest of the field free."""
    number, bits = _number(field, value, native), _number(field, mask or b"\xff" * len(value), native)
    if operator in (EQ, NEQ):
        return masked(field, bits, number, operator == NEQ)
    rest = (1 << 8 * (field.size - len(value))) - 1
    low, high = {LT: (0, number - 1), LTE: (0, number | rest), GT: ((number | rest) + 1, field.full),
                 GTE: (number, field.full)}[operator]
    if low > high:
        return Condition(field, ((0, field.full),), negated=True)  # less than nothing: no packet
    return Condition(field, ((low, high),), mask=bits if mask else None)


def _number(field: Field, value: bytes, native: bool | None) -> int:
    if field.native if native is None else native:
        return int.from_bytes(value, sys.byteorder)
    return int.from_bytes(value.ljust(field.size, b"\0"), "big")


def conjoined(conditions: Iterable[Condition]) -> list[Condition]:
    """The same conditions, where `>= a` and `<= b` of one field are the range a-b."""
    found: list[Condition] = []
    for condition in conditions:
        for i, other in enumerate(found):
            if _open(condition) and _open(other) and condition.field.name == other.field.name:
                lows, highs = zip(condition.ranges[0], other.ranges[0], strict=True)
                if max(lows) <= min(highs):
                    found[i] = Condition(condition.field, ((max(lows), min(highs)),))
                    break
        else:
            found.append(condition)
    return found


def _open(condition: Condition) -> bool:
    """Is it a range with one end only?"""
    if condition.negated or condition.mask is not None or len(condition.ranges) != 1:
        return False
    low, high = condition.ranges[0]
    return low < high and (low == 0) != (high == condition.field.full)


def words(condition: Condition) -> str:
    """The condition as nft(8) writes it, without quotes; '' for one that every packet meets."""
    field, ranges, negated, mask = condition
    if field.bits:
        return f"{field.name} {_bit_words(condition)}"
    texts = [field.show(low, high) for low, high in ranges]
    shown = texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"
    if mask is not None:
        return f"{field.name} & {field.show(mask, mask)} {'!=' if negated else '=='} {shown}"
    if ranges == ((0, field.full),) and not negated:
        return ""
    return f"{field.name} {'!= ' if negated else ''}{shown}"


def _bit_words(condition: Condition) -> str:
    """Bits: 'a,b' one of them is set; '! a,b' none is; 'a / a,b' of these two only a; '== a,b' these and no other."""
    field, ranges, negated, mask = condition
    values = [low for low, _ in ranges]
    if mask is not None and values == [0]:
        return f"{'' if negated else '! '}{names(field, mask)}"
    if mask is not None and mask & (mask - 1) == 0 and values == [mask]:
        return f"{'! ' if negated else ''}{names(field, mask)}"
    if mask is None and field.exclusive and all(value & (value - 1) == 0 for value in values):
        return f"{'! ' if negated else ''}{names(field, sum(values))}"
    shown = [names(field, value) for value in values]
    joined = shown[0] if len(shown) == 1 else f"{{ {', '.join(shown)} }}"
    if mask is not None:
        return f"{'!= ' if negated else ''}{joined} / {names(field, mask)}"
    return f"{'!=' if negated else '=='} {joined}"


def names(field: Field, bits: int) -> str:
    """The names of set bits, in the order of the bits; bits without a name as one hexadecimal number."""
    known = [bit for bit in field.bits if bits & bit]
    rest = bits - sum(known)
    return ",".join([field.bits[bit] for bit in known] + ([f"0x{rest:x}"] if rest or not known else []))
