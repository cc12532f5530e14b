"""iptables(8) as people type it, as verbs of the lab language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checks.language.statement import Mistake
from labrunner.action import Action
from labrunner.actions.add_chain import AddChain
from labrunner.actions.add_rule import AddRule
from labrunner.actions.delete_rule import DeleteRule
from labrunner.actions.masquerade import Masquerade
from labrunner.actions.publish_port import PublishPort
from labrunner.actions.set_policy import SetPolicy
from labrunner.importing.command_words import NoVerb, take
from labrunner.importing.where import here

_SHORT = {"--table": "-t", "--append": "-A", "--insert": "-I", "--delete": "-D", "--new-chain": "-N", "--policy": "-P",
          "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i",
          "--out-interface": "-o", "--protocol": "-p", "--proto": "-p", "--match": "-m", "--jump": "-j",
          "--destination-port": "--dport", "--state": "--ctstate", "--to": "--to-destination"}
_PARTS = {"-s": "source", "! -s": "not_source", "-d": "destination", "! -d": "not_destination", "-i": "in",
          "! -i": "not_in", "-o": "out", "! -o": "not_out", "-p": "protocol", "--dport": "port", "--ctstate": "state",
          "-j": "jump", "--to-destination": "to", "--to-source": "to"}
_OPERATIONS = ("-A", "-I", "-D", "-N", "-P")
_IMPLIED = frozenset(("tcp", "udp", "conntrack", "state"))  # modules that an option of theirs shows to be wanted
_PUBLISHED = frozenset(("destination", "not_in", "protocol", "port", "jump", "to"))


def iptables_actions(words: Sequence[str], netns: str) -> tuple[Action, ...]:
    """The verb that does what `iptables WORDS` does, run in `netns`; () when there is none. Raises Mistake."""
    try:
        table, operation, operands, options = _taken_apart(words)
        return (_action(table, operation, operands, options, here(netns)),)
    except NoVerb:
        return ()


def _taken_apart(words: Sequence[str]) -> tuple[str, str, list[str], dict[str, str]]:
    """Table, operation, its operands (chain, place or policy), and the options of the rule."""
    table = operation = ""
    operands: list[str] = []
    options: dict[str, str] = {}
    rest = [_SHORT.get(word, word) for word in words if word not in ("-w", "--wait")]
    while rest:
        word = rest.pop(0)
        word = f"! {take(rest)}" if word == "!" else word
        if word == "-t" and not table:
            table = take(rest)
        elif word in _OPERATIONS and not operation:
            operation = word
            while rest and not rest[0].startswith(("-", "!")):
                operands.append(rest.pop(0))
        elif word == "-m":
            if take(rest) not in _IMPLIED:
                raise NoVerb
        elif word in _PARTS and _PARTS[word] not in options:
            options[_PARTS[word]] = take(rest)
        else:
            raise NoVerb
    return table or "filter", operation, operands, options


def _action(table: str, operation: str, operands: list[str], options: dict[str, str], where: dict[str, str]) -> Action:
    in_table = {} if table == "filter" else {"table": table}
    match operation, operands:
        case "-N", [name] if not options:
            return AddChain(name=name, **in_table, **where)
        case "-P", [chain, policy] if not options:
            return SetPolicy(chain=chain, policy=policy, **in_table, **where)
        case ("-A", [chain]) if table == "nat":
            return _translating(chain, options, where) or AddRule(chain=chain, table=table, **_parts(options), **where)
        case "-A", [chain]:
            return AddRule(chain=chain, **in_table, **_parts(options), **where)
        case "-I", [chain, *place] if len(place) < 2:
            return AddRule(chain=chain, **in_table, **_parts(options), at=_number((*place, "1")[0]), **where)
        case "-D", [chain]:
            return DeleteRule(chain=chain, **in_table, **_parts(options), **where)
    raise NoVerb


def _parts(options: dict[str, str]) -> dict[str, Any]:
    parts: dict[str, Any] = dict(options)
    if "state" in parts:
        states = parts["state"].lower().split(",")
        parts["state"] = states if len(states) > 1 else states[0]
    if "port" in parts:
        parts["port"] = _number(parts["port"])
    return parts


def _number(written: str) -> int:
    if not (written.isdecimal() and len(written) < 6):
        raise Mistake("port", f"'{written}' is no number of a port")
    return int(written)


def _translating(chain: str, options: dict[str, str], where: dict[str, str]) -> Action | None:
    """The verbs for the two rules that everybody writes; None when it is another one."""
    asked = set(options)
    if chain == "POSTROUTING" and options.get("jump") == "MASQUERADE" and {"source"} <= asked <= {
            "source", "not_out", "jump"}:
        return Masquerade(**{key: value for key, value in options.items() if key != "jump"}, **where)
    address, colon, port = options.get("to", "").partition(":")
    if options.get("jump") != "DNAT" or not (colon and {"port", "protocol"} <= asked <= _PUBLISHED):
        return None
    given: dict[str, Any] = {"port": _number(options["port"]), "to": address}
    if port != options["port"]:
        given["to_port"] = _number(port)
    if options["protocol"] != "tcp":
        given["protocol"] = options["protocol"]
    names = {"destination": "address", "not_in": "not_in"}
    given |= {name: options[part] for part, name in names.items() if part in options}
    return PublishPort(**given, **({} if chain == "PREROUTING" else {"chain": chain}), **where)
