"""The commonest errors of the tools, and what each means in a lab: one line below the tool's own.

It is done by whoever shows the terminal, who sees all that is printed; so nothing in the lab is changed for it. Only
whole lines are looked at, and none while a program has the screen for itself, as editors do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from labrunner.kept.far import Far
from runtime.oci.shim.attached import Piece

# What is printed, without its end of line, and what it means.
ERRORS: tuple[tuple[str, str], ...] = (
    (r"RTNETLINK answers: File exists|Error: ipv4: Address already assigned\.",
     "it is there already: the same name, address or route. See what there is: ip link, ip addr, ip route"),
    (r"RTNETLINK answers: Operation not permitted|.*: Operation not permitted|sysctl: permission denied on key .*",
     "you are root in the lab only, and this would reach beyond it; or it is in another netns: ip netns exec NAME ..."),
    (r"Cannot find device \".{1,15}\"|Device \".{1,15}\" does not exist\.",
     "no interface has that name in this netns. See those there are: ip link; in another one: ip -n NAME link"),
    (r"Error: Nexthop has invalid gateway\.|RTNETLINK answers: Network is unreachable",
     "a gateway has to be in a subnet of an interface that is up here: ip addr shows them, ip link set DEV up"),
    (r"Error: Device for nexthop is not up\.|RTNETLINK answers: Network is down",
     "the interface is DOWN: ip link set DEV up"),
    (r"RTNETLINK answers: Invalid argument|Error: (?:inet|any valid) (?:prefix|address) is expected rather than .*",
     "the kernel or the tool cannot read that: an address is written 192.168.0.10/24, with its prefix length"),
    (r"RTNETLINK answers: (?:No such process|Cannot assign requested address)|Error: ipv[46]: [Aa]ddress not found\.",
     "what you want to delete is not there, or not so: compare with ip route, ip addr"),
    (r"Cannot open network namespace \".*\": No such file .*|Error: argument \".*\" is wrong: Invalid \"netns\" .*",
     "there is no network namespace of that name: ip netns shows them, ip netns add makes one"),
    (r"Cannot create namespace file \"/run/netns/.*\": File exists",
     "a network namespace has that name already: ip netns shows them"),
    (r"ping: connect: Network is unreachable|connect: Network is unreachable",
     "there is no route to that address from here: ip route; a default route is missing, or the interface is down"),
    (r"From \S+ icmp_seq=1 Destination Host Unreachable",
     "nobody on the wire has that address: is it set there, are both ends up, are they on the same bridge?"),
    (r"ping: \S+: (?:Temporary failure in name resolution|Name or service not known)",
     "a lab has no name server: use the address"),
    (r"iptables(?: v\S+ \(\S+\))?: (?:No chain/target/match by that name|Bad rule \(does a matching rule ).*",
     "no such rule, chain or target here: iptables -S, and for NAT iptables -t nat -S, show what there is"),
    (r".*: Read-only file system",
     "this file cannot be changed from a lab: you can write to /tmp, /run, /var, /etc, /usr/local and your home"),
    (r".*/(?:usr|etc|opt)\b.*: (?:Permission denied|Value too large for defined data type)",
     "that belongs to the machine: a lab cannot change it, but can replace files in /etc and /usr/local"),
    (r".*(?:container with id exists|container with given ID already exists|container `.*` already exists).*",
     "a container has that name already: runc list shows them, runc delete takes a stopped one away"),
    (r".*(?:container does not exist|container `.*` does not exist).*",
     "no container has that name: runc list shows them"),
)
_ERRORS: Sequence[tuple[re.Pattern[str], str]] = [(re.compile(pattern), says) for pattern, says in ERRORS]
_SCREEN = re.compile(rb"\x1b\[\?(?:1049|47|1047)([hl])")
_STEERING = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_LONGEST = 400  # bytes of a line


def meaning(line: str) -> str:
    """What an error means, '' for what is none of these."""
    return next((says for pattern, says in _ERRORS if pattern.fullmatch(line)), "")


class Explained(Far):
    """A terminal, with the explanations."""

    terminal = True

    def __init__(self, far: Far) -> None:
        self._far = far
        self._line, self._editing = b"", False
        self._colour = not os.environ.get("NO_COLOR")

    def receive(self, fd: int) -> Piece | None:
        piece = self._far.receive(fd)
        return piece and Piece(self._with_meanings(piece.data), piece.error)

    def _with_meanings(self, data: bytes) -> bytes:
        if b"\n" not in data and b"\x1b" not in data:
            self._line = (self._line + data)[-_LONGEST:]
            return data
        found = []
        for part in data.splitlines(keepends=True):
            found.append(part)
            self._line = (self._line + part)[-_LONGEST:]
            for screen in _SCREEN.findall(part):
                self._editing = screen == b"h"
            if part.endswith(b"\n"):
                found.append(self._meaning_of(self._line))
                self._line = b""
        return b"".join(found)

    def _meaning_of(self, line: bytes) -> bytes:
        text = _STEERING.sub(b"", line).strip().decode(errors="replace")
        says = "" if self._editing or len(line) >= _LONGEST else meaning(text)
        if not says:
            return b""
        dim, plain = ("\x1b[2m", "\x1b[0m") if self._colour else ("", "")
        return f"{dim}  → {says}{plain}\r\n".encode()

    def readable(self) -> Sequence[int]:
        return self._far.readable()

    def writable(self) -> int | None:
        return self._far.writable()

    def send(self, data: bytes) -> int:
        return self._far.send(data)

    def close_input(self) -> None:
        self._far.close_input()

    def resize(self, rows: int, columns: int) -> None:
        self._far.resize(rows, columns)

    def close(self) -> None:
        self._far.close()
