from __future__ import annotations

from collections.abc import Iterator

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.wording import ip, listed, no_link, no_netns
from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.netns import LAB_HOST
from runtime.values import BOOLEAN, INTERFACE, INTERFACE_ADDRESS, NETNS, choice, either, many

_NONE = choice("none")


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
        link = facts.link(self.name)
        if link is None:
            return self._absent(expected, snapshot, facts)
        if not self.exists:
            return self.failed(expected, "exists", f"delete it: {ip(self.netns, f'link delete {self.name}')}")
        hints = [hint for hint in self._wrongs(link, facts) if hint]
        if hints:
            return self.failed(expected, _described(link, facts), "; ".join(hints))
        return self.passed(expected, _described(link, facts))

    def _absent(self, expected: str, snapshot: Snapshot, facts: NetnsFacts) -> Verdict:
        if not self.exists:
            return self.passed(expected)
        hint = no_link(snapshot, facts, self.name)
        if self.kind == "bridge":
            hint += f"; make it: {ip(self.netns, f'link add name {self.name} type bridge')}"
        elif self.peer and not snapshot_has(snapshot, self.name):
            hint += f"; make it: ip link add {self.name} type veth peer name {self.peer}"
        return self.failed(expected, "does not exist", hint)

    def _wrongs(self, link: Link, facts: NetnsFacts) -> Iterator[str]:
        """A hint for each property that is not as it should be."""
        yield self._wrong_kind(link)
        yield self._wrong_address(facts)
        yield self._wrong_state(link)
        yield self._wrong_master(link)
        yield self._wrong_peer(link)

    def _wrong_kind(self, link: Link) -> str:
        if not self.kind or link.kind == self.kind:
            return ""
        delete = ip(self.netns, f"link delete {self.name}")
        return f"{self.name} is a {link.kind}, not a {self.kind}; delete it ({delete}) and make it anew"

    def _wrong_state(self, link: Link) -> str:
        if self.up is None or link.up == self.up:
            return ""
        now, mend = ("UP", "down") if link.up else ("DOWN", "up")
        return f"{self.name} in {self.netns} is {now}; bring it {mend}: {ip(self.netns, f'link set {self.name} {mend}')}"

    def _wrong_address(self, facts: NetnsFacts) -> str:
        if self.address is None:
            return ""
        present = facts.addresses_of(self.name)
        wanted = () if self.address == "none" else self.address
        missing = [each for each in wanted if each not in present]
        extra = [each for each in present if each not in wanted] if missing or not wanted else []
        commands = [ip(self.netns, f"addr del {each} dev {self.name}") for each in extra]
        commands += [ip(self.netns, f"addr add {each} dev {self.name}") for each in missing]
        if not commands:
            return ""
        has = f"{self.name} in {self.netns} has {listed(present, 'no address')}"
        return f"{has}, not {listed(wanted, 'none')}; {' && '.join(commands)}"

    def _wrong_master(self, link: Link) -> str:
        wanted = "" if self.master == "none" else self.master
        if wanted is None or link.master == wanted:
            return ""
        is_now = f"a port of {link.master}" if link.master else "not a port of any bridge"
        mend = ip(self.netns, f"link set {self.name} " + (f"master {wanted}" if wanted else "nomaster"))
        return f"{self.name} is {is_now}; {mend}"

    def _wrong_peer(self, link: Link) -> str:
        there = link.peer_netns or "out of sight"
        if self.peer and link.peer != self.peer:
            return f"the other end of {self.name} is {link.peer or 'missing'} ({there}), not {self.peer}"
        if self.peer_netns and link.peer_netns != self.peer_netns:
            to = "1" if self.peer_netns == LAB_HOST else self.peer_netns
            move = ip(link.peer_netns or LAB_HOST, f"link set {link.peer} netns {to}")
            return f"{link.peer}, the other end of {self.name}, is in {there}, not in {self.peer_netns}; move it: {move}"
        return ""


def snapshot_has(snapshot: Snapshot, name: str) -> bool:
    """Whether any netns has an interface called `name`."""
    return any(facts.link(name) for facts in snapshot.netns)


def _described(link: Link, facts: NetnsFacts) -> str:
    words = [link.kind, link.state, listed(facts.addresses_of(link.name), "no address")]
    if link.master:
        words.append(f"a port of {link.master}")
    if link.peer:
        words.append(f"the other end is {link.peer} in {link.peer_netns}")
    return ", ".join(words)
