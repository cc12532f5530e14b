from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.subnets import subnet_of
from checks.reasoning.wording import advice, delete_link, join, listed, no_link, no_netns
from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.command_line import add_veth, ip, move_link
from runtime.network.command_line import link as link_word
from runtime.network.netns import LAB_HOST
from runtime.values import BOOLEAN, INTERFACE, INTERFACE_ADDRESS, NETNS, choice, either, many

_NONE = choice("none")


class _Wrong(NamedTuple):
    """A property that is not as it should be: what it is ('is DOWN'), what to do, and the commands that do it."""

    now: str
    do: str
    commands: tuple[str, ...] = ()


class Interface(Check):
    """An interface, and what is true of it. What is not asked for may be as it likes."""

    main = "name"
    name = argument(INTERFACE, "the interface")
    netns = argument(NETNS, "the netns that it is in", default=LAB_HOST)
    exists = argument(BOOLEAN, "whether it has to exist", default=True)
    kind = argument(choice("veth", "bridge", "loopback", "device"), "what it is", default=None)
    up = argument(BOOLEAN, "whether it is set up", default=None)
    address = argument(either(_NONE, many(INTERFACE_ADDRESS)), "addresses that it has, or none", default=None)
    master = argument(either(_NONE, INTERFACE), "the bridge that it is a port of, or none", default=None)
    peer = argument(INTERFACE, "the other end of the veth pair", default=None)
    peer_netns = argument(NETNS, "the netns that the other end is in", default=None)

    def validate(self) -> None:
        asked = [name for name in self.arguments if name not in ("name", "netns", "exists")]
        if not self.exists and any(getattr(self, name) is not None for name in asked):
            raise Mistake("exists", "an interface that does not exist has no properties: leave the others out")

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        if not self.exists:
            return f"{self.netns} has no interface {self.name}"
        said = [*self._said()]
        return f"{self.name} in {self.netns} " + (f"is {', '.join(said)}" if said else "exists")

    def _said(self) -> Iterator[str]:
        """What is asked, one phrase for each property."""
        if self.kind:
            yield f"a {self.kind}"
        if self.up is not None:
            yield "UP" if self.up else "DOWN"
        if self.address is not None:
            yield "without an address" if self.address == "none" else f"at {listed(self.address)}"
        if self.master:
            yield "no port of a bridge" if self.master == "none" else f"a port of {self.master}"
        if self.peer or self.peer_netns:
            there = f" in {self.peer_netns}" if self.peer_netns else ""
            yield f"the other end of {self.peer or 'an interface'}{there}"

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        expected = ", ".join(self._said()) or ("exists" if self.exists else "does not exist")
        facts = snapshot.find(self.netns)
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(snapshot, self.netns))
        if self.peer_netns and snapshot.find(self.peer_netns) is None:
            return self.failed(expected, f"no {self.peer_netns}", no_netns(snapshot, self.peer_netns))
        link = facts.link(self.name)
        if link is None:
            return self._absent(expected, snapshot, facts)
        if not self.exists:
            delete = delete_link(self.netns, self.name)
            hint = advice(f"{self.netns} still has {self.name}", "delete it", delete)
            return self.failed(expected, "exists", hint)
        wrongs = [*self._wrongs(link, facts)]
        if wrongs:
            return self.failed(expected, _described(link, facts), self._hint(wrongs))
        return self.passed(expected, _described(link, facts))

    def _absent(self, expected: str, snapshot: Snapshot, facts: NetnsFacts) -> Verdict:
        if not self.exists:
            return self.passed(expected)
        # The other end may be there alone, with the wrong fellow: it is in the way.
        other = snapshot.find(self.peer_netns or self.netns)
        clear = [delete_link(other.name, self.peer)] if other and self.peer and other.link(self.peer) else []
        make = self._make()
        return self.failed(expected, "does not exist",
                           no_link(snapshot, facts, self.name, *(clear if make else ()), *make))

    def _make(self) -> tuple[str, ...]:
        """The command that makes the interface; none where what is asked does not tell enough."""
        if self.kind == "bridge":
            return (ip(self.netns, f"link add name {self.name} type bridge"),)
        if self.peer:
            return (add_veth(self.netns, self.name, self.peer, self.peer_netns or self.netns),)
        return ()

    def _hint(self, wrongs: list[_Wrong]) -> str:
        cause = f"{self.name} in {self.netns} {listed(wrong.now for wrong in wrongs)}"
        commands = [command for wrong in wrongs for command in wrong.commands]
        return advice(cause, wrongs[0].do if len(wrongs) == 1 else "mend it", *commands)

    def _wrongs(self, link: Link, facts: NetnsFacts) -> Iterator[_Wrong]:
        """Each property that is not as it should be. Of one that has to be made anew nothing else is said."""
        if (self.kind and link.kind != self.kind) or (self.peer and link.peer != self.peer):
            yield self._other_thing(link)
            return
        if self.peer_netns and link.peer_netns != self.peer_netns:
            yield self._peer_elsewhere(link)
        if self.up is not None and link.up != self.up:
            state = "up" if self.up else "down"
            mend = ip(self.netns, f"link set {link_word(self.name)} {state}")
            yield _Wrong(f"is {'UP' if link.up else 'DOWN'}", f"bring it {state}", (mend,))
        if self.master and link.master != (wanted := "" if self.master == "none" else self.master):
            yield self._wrong_master(link, facts, wanted)
        if self.address is not None:
            yield from self._wrong_addresses(facts)

    def _other_thing(self, link: Link) -> _Wrong:
        delete = delete_link(self.netns, self.name)
        if self.kind and link.kind != self.kind:
            now = f"is a {link.kind}, not a {self.kind}"
        else:
            now = f"has {link.peer or 'nothing in sight'} as its other end instead of {self.peer}"
        return _Wrong(now, "make it anew" if self._make() else "delete it", (delete, *self._make()))

    def _peer_elsewhere(self, link: Link) -> _Wrong:
        assert self.peer_netns
        if not link.peer_netns:
            return _Wrong(f"has its other end out of sight, not in {self.peer_netns}", "delete it and make it anew",
                          (delete_link(self.netns, self.name),))
        return _Wrong(f"has its other end {link.peer} in {link.peer_netns}, not in {self.peer_netns}", "move that",
                      (move_link(link.peer, link.peer_netns, self.peer_netns),))

    def _wrong_master(self, link: Link, facts: NetnsFacts, wanted: str) -> _Wrong:
        if not wanted:
            leave = ip(self.netns, f"link set {link_word(self.name)} nomaster")
            return _Wrong(f"is a port of {link.master}", "take it out", (leave,))
        now = f"is a port of {link.master} instead of {wanted}" if link.master else f"is not a port of {wanted}"
        return _Wrong(now, "make it one", join(facts, wanted, self.name))

    def _wrong_addresses(self, facts: NetnsFacts) -> Iterator[_Wrong]:
        present = facts.addresses_of(self.name)
        wanted: tuple[str, ...] = () if self.address == "none" else tuple(self.address or ())
        missing = [each for each in wanted if each not in present]
        extra = [each for each in present if each not in wanted]
        if wanted and len(extra) > len(missing):  # of more than were asked for, only those that are in the way
            extra = [each for each in extra if _in_place_of(each, missing)]
        commands = [ip(self.netns, f"addr del {each} dev {self.name}") for each in extra]
        commands += [ip(self.netns, f"addr add {each} dev {self.name}") for each in missing]
        if commands:
            do = "take it off" if not missing else "change it" if extra else "add it"
            now = f"has {listed(present, 'no address')} instead of {listed(wanted, 'none')}"
            yield _Wrong(now, do, tuple(commands))


def _in_place_of(address: str, missing: list[str]) -> bool:
    """Whether an address looks like a slip of the pen for one that is missing: their subnets overlap."""
    subnet = subnet_of(address)
    return any(subnet.version == (other := subnet_of(each)).version and subnet.overlaps(other) for each in missing)


def _described(link: Link, facts: NetnsFacts) -> str:
    words = [link.kind, link.state, listed(facts.addresses_of(link.name), "no address")]
    if link.master:
        words.append(f"a port of {link.master}")
    if link.peer:
        words.append(f"the other end is {link.peer} in {link.peer_netns}")
    return ", ".join(words)
