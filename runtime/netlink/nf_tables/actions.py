"""The expressions of a rule that act: nat, reject, log, and what x_tables modules do."""

from __future__ import annotations

import sys
from collections.abc import Callable

from runtime.netlink.message import to_big32, to_big64, to_text
from runtime.netlink.nf_tables import statements, xtables
from runtime.netlink.nf_tables.fields import Field, address
from runtime.netlink.nf_tables.reading import Attributes, Loaded, Reading


def judge(reading: Reading, data: bytes) -> None:
    """The rule ends in a verdict."""
    reading.actions.append(statements.verdict(data))


def look_up(reading: Reading, register: bytes, key: str, content: str) -> None:
    """A map gives a verdict, or a value for a later expression."""
    if to_big32(register) == 0:
        reading.actions.append(f"{key} vmap {content}")
    else:
        reading.load(register, f"{key} map {content}")


def set_field(reading: Reading, field: Field, register: bytes) -> None:
    """The rule writes a field, such as the mark."""
    value = reading.held(register)
    if isinstance(value, bytes):
        done = statements.changed(field.name, 0, _native(value))
    elif isinstance(value, Loaded) and value.mask and value.fields == (field,):
        done = statements.changed(field.name, _native(value.mask), _native(value.flip))
    else:
        done = f"{field.name} set {value if isinstance(value, str) else value.name}"
    reading.actions.append(done)


def _native(data: bytes) -> int:
    return int.from_bytes(data, sys.byteorder)


def _counter(reading: Reading, found: Attributes) -> None:
    reading.bytes, reading.packets = to_big64(found[1]), to_big64(found[2])


def _limit(reading: Reading, found: Attributes) -> None:
    rate, unit, burst, kind, flags = to_big64(found[1]), to_big64(found[2]), *(to_big32(found[i]) for i in (3, 4, 5))
    reading.others.append(statements.limited(rate, unit, burst, kind == 1, bool(flags & 1)))


def _nat(reading: Reading, found: Attributes) -> None:
    verb = "dnat" if to_big32(found[1]) else "snat"
    _translate(reading, verb, (found.get(3), found.get(4)), (found.get(5), found.get(6)), found.get(7))


def _masq(reading: Reading, found: Attributes) -> None:
    _translate(reading, "masquerade", (None, None), (found.get(2), found.get(3)), found.get(1))


def _redir(reading: Reading, found: Attributes) -> None:
    _translate(reading, "redirect", (None, None), (found.get(1), found.get(2)), found.get(3))


_Registers = tuple[bytes | None, bytes | None]


def _translate(reading: Reading, verb: str, hosts: _Registers, ports: _Registers, flags: bytes | None) -> None:
    first, last = (_operand(reading, register, address) for register in hosts)
    low, high = (_operand(reading, register, _port) for register in ports)
    reading.actions.append(statements.translated(verb, (first, last), (low, high), to_big32(flags) if flags else 0))


def _operand(reading: Reading, register: bytes | None, show: Callable[[bytes], str]) -> str:
    if register is None:
        return ""
    value = reading.held(register)
    return show(value) if isinstance(value, bytes) else value if isinstance(value, str) else value.name


def _port(data: bytes) -> str:
    return str(int.from_bytes(data[:2], "big"))


def _reject(reading: Reading, found: Attributes) -> None:
    code = found[2][0] if 2 in found else 0
    reading.actions.append(statements.rejected(to_big32(found[1]), code, reading.network))


def _log(reading: Reading, found: Attributes) -> None:
    group = int.from_bytes(found[1], "big") if 1 in found else None
    level, flags = (to_big32(found[i]) if i in found else default for i, default in ((5, 4), (6, 0)))
    reading.actions.append(statements.logged(to_text(found.get(2, b"")), level, flags, group))


def _notrack(reading: Reading, _found: Attributes) -> None:
    reading.actions.append("notrack")


def _match(reading: Reading, found: Attributes) -> None:
    name, info = to_text(found[1]), found[3]
    conditions = xtables.match(name, to_big32(found[2]), info, reading.context())
    if conditions is None:
        reading.others.append(f"xt {name} 0x{info.hex()}")
    for condition in conditions or ():
        reading.demand(condition)


def _target(reading: Reading, found: Attributes) -> None:
    name, info = to_text(found[1]), found[3]
    done = xtables.target(name, to_big32(found[2]), info, reading.context())
    reading.actions.append(done or f"xt {name} 0x{info.hex()}")


READERS: dict[str, Callable[[Reading, Attributes], None]] = {
    "counter": _counter, "limit": _limit, "nat": _nat, "masq": _masq, "redir": _redir, "reject": _reject, "log": _log,
    "notrack": _notrack, "match": _match, "target": _target,
}
