"""ip(8) as people type it, with its abbreviations, as verbs of the lab language.

The order of the words below is that of iproute2: an abbreviation stands for the first word that begins with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from labrunner.action import Action
from labrunner.actions.add_address import AddAddress
from labrunner.actions.add_bridge import AddBridge
from labrunner.actions.add_link import AddLink
from labrunner.actions.add_netns import AddNetns
from labrunner.actions.add_route import AddRoute
from labrunner.actions.add_veth import AddVeth
from labrunner.actions.delete_address import DeleteAddress
from labrunner.actions.delete_link import DeleteLink
from labrunner.actions.delete_netns import DeleteNetns
from labrunner.actions.delete_route import DeleteRoute
from labrunner.actions.move_link import MoveLink
from labrunner.actions.set_link import SetLink
from labrunner.actions.set_master import SetMaster
from labrunner.importing.command_words import NoVerb, take
from labrunner.importing.where import here
from runtime.network.netns import LAB_HOST

_OBJECTS = ("address", "addrlabel", "maddress", "route", "rule", "neighbor", "neighbour", "ntable", "ntbl", "link",
            "l2tp", "fou", "ila", "macsec", "tunnel", "tunl", "tuntap", "tap", "token", "tcpmetrics", "tcp_metrics",
            "monitor", "xfrm", "mroute", "mrule", "netns", "netconf", "vrf", "sr", "nexthop", "mptcp", "ioam", "help",
            "stats")
_VERBS = {
    "link": ("add", "set", "change", "replace", "delete", "show", "lst", "list"),
    "address": ("add", "change", "chg", "replace", "delete", "show", "lst", "list", "flush"),
    "route": ("list", "show", "lst", "get", "add", "change", "chg", "replace", "prepend", "append", "test", "delete",
              "flush"),
    "netns": ("list", "show", "lst", "list-id", "help", "add", "set", "delete", "identify", "pids", "exec", "monitor",
              "attach"),
}
IP_ACTIONS = re.compile(r"(?:a|ad|add|d|de|del|delete|s|se|set|e|ex|exec|replace|change)$")  # they need something more
_LOOKING = ("show", "lst", "list", "get", "list-id", "identify", "pids", "help", "test")


def is_object(word: str) -> bool:
    """Whether ip(8) knows this word: `ip WORD ...`."""
    return bool(_full(word, _OBJECTS))


def netns_of(words: Sequence[str], netns: str = LAB_HOST) -> tuple[str, Sequence[str]]:
    """Where `ip` acts, and its words without the options that say so. words: after 'ip'.  netns: where it runs."""
    while len(words) > 1 and len(words[0]) > 1 and "-netns".startswith(words[0]):
        netns, words = words[1], words[2:]
    return netns, words


def only_looks(words: Sequence[str]) -> bool:
    """Whether ip changes nothing. words: after 'ip'."""
    words = [word for word in netns_of(words)[1] if not word.startswith("-")]
    thing = _full(words[0], _OBJECTS) if words else ""
    return len(words) < 2 or _full(words[1], _VERBS.get(thing, _VERBS["address"])) in _LOOKING


def executed(words: Sequence[str]) -> bool:
    """Whether it is `ip netns exec NETNS COMMAND`. words: all of them."""
    return (len(words) > 4 and words[0] == "ip" and _full(words[1], _OBJECTS) == "netns"
            and _full(words[2], _VERBS["netns"]) == "exec" and not words[3].startswith("-"))


def ip_actions(words: Sequence[str], netns: str) -> tuple[Action, ...]:
    """The verbs that do what `ip WORDS` does, run in `netns`; () when there are none. Raises Mistake."""
    netns, words = netns_of(words, netns)
    if len(words) < 3:
        return ()
    thing = _full(words[0], _OBJECTS)
    verb = _full(words[1], _VERBS.get(thing, ()))
    rest = list(words[2:])
    try:
        match thing, verb:
            case "link", "add":
                return tuple(_add_link(rest, netns))
            case "link", "set":
                return tuple(_set_link(rest, netns))
            case "link", "delete":
                return (_delete_link(rest, netns),)
            case "address", "add" | "delete":
                return (_address(AddAddress if verb == "add" else DeleteAddress, rest, netns),)
            case "route", "add" | "delete":
                return (_route(AddRoute if verb == "add" else DeleteRoute, rest, netns),)
            case "netns", "add" | "delete" if len(rest) == 1:
                return (AddNetns(name=rest[0]) if verb == "add" else DeleteNetns(name=rest[0]),)
    except NoVerb:
        pass
    return ()


def _full(written: str, words: Sequence[str]) -> str:
    return next((word for word in words if written and word.startswith(written)), "")


def _place(written: str) -> str:
    """A netns as ip-link(8) takes it: its name, or the number of a process; process 1 is the lab host's."""
    if written == "1":
        return LAB_HOST
    if written.isdecimal() or "/" in written:
        raise NoVerb
    return written


def _add_link(rest: list[str], netns: str) -> Iterator[Action]:
    name = lower = there = ""
    up = False
    while rest and not (rest[0] in ("type", "typ") and name):
        match take(rest):
            case "name" | "dev":
                name = take(rest)
            case "link":
                lower = take(rest)
            case "netns":
                there = _place(take(rest))
            case "up" if name:
                up = True
            case other if not name:
                name = other
            case _:
                raise NoVerb
    _, kind = take(rest), take(rest)
    yield _new_link(name, kind, lower, rest, netns, there)
    if up:
        yield SetLink(name=name, **here(there or netns))


def _new_link(name: str, kind: str, lower: str, rest: list[str], netns: str, there: str) -> Action:
    if kind == "veth" and not lower:
        return _veth(name, rest, netns, there)
    if there:
        raise NoVerb
    if kind == "bridge" and not (rest or lower):
        return AddBridge(name=name, **here(netns))
    if kind in ("bridge", "veth") or len(rest) % 2:
        raise NoVerb
    pairs = zip(rest[::2], rest[1::2], strict=True)
    options = {key: int(value) if value.isdecimal() else value for key, value in pairs}
    given = {name: value for name, value in (("link", lower), ("options", options)) if value}
    return AddLink(name=name, kind=kind, **given, **here(netns))


def _veth(name: str, rest: list[str], netns: str, there: str) -> Action:
    if take(rest) != "peer":
        raise NoVerb
    peer = take(rest)
    peer = take(rest) if peer == "name" else peer
    far = netns
    if rest and rest.pop(0) == "netns":
        far = _place(take(rest))
    elif rest or far != netns:
        raise NoVerb
    if rest:
        raise NoVerb
    near = there or netns
    return AddVeth(name=name, peer=peer, **here(near), **({"peer_netns": far} if far != near else {}))


def _set_link(rest: list[str], netns: str) -> Iterator[Action]:
    name = state = to = ""
    master: str | None = None
    while rest:
        match take(rest):
            case "dev":
                name = take(rest)
            case "up" | "down" as word:
                state = word
            case "master":
                master = take(rest)
            case "nomaster":
                master = ""
            case "netns":
                to = _place(take(rest))
            case other if not name:
                name = other
            case _:
                raise NoVerb
    if not name or (not state and master is None and not to):
        raise NoVerb
    if to:
        yield MoveLink(name=name, to=to, **here(netns))
    where = here(to or netns)
    if master is not None:
        yield SetMaster(name=name, **({"master": master} if master else {}), **where)
    if state:
        yield SetLink(name=name, state=state, **where)


def _delete_link(rest: list[str], netns: str) -> Action:
    name = take(rest)
    name = take(rest) if name == "dev" else name
    if rest and not (len(rest) == 2 and rest[0] == "type"):
        raise NoVerb
    return DeleteLink(name=name, **here(netns))


def _address(made: type[AddAddress] | type[DeleteAddress], rest: list[str], netns: str) -> Action:
    address = interface = ""
    while rest:
        match take(rest):
            case "dev":
                interface = take(rest)
            case "local":
                address = take(rest)
            case other if not address:
                address = other
            case _:
                raise NoVerb
    if not (address and interface):
        raise NoVerb
    whole = address if "/" in address else f"{address}/{128 if ':' in address else 32}"
    return made(address=whole, interface=interface, **here(netns))


def _route(made: type[AddRoute], rest: list[str], netns: str) -> Action:
    given = {"destination": take(rest)}
    names = {"via": "gateway", "dev": "interface"}
    while rest:
        word = take(rest)
        if word not in names or names[word] in given:
            raise NoVerb
        given[names[word]] = take(rest)
    return made(**given, **here(netns))
