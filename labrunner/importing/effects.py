"""What an action does to the model, which names it uses that nothing has made, and what can be checked after it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.chain_policy import ChainPolicy
from checks.file import File
from checks.interface import Interface
from checks.language.check import Check
from checks.nat import Nat
from checks.netns import Netns
from checks.route import Route
from checks.rule import Rule
from checks.sysctl import Sysctl
from labrunner.action import Action
from labrunner.actions.add_address import AddAddress
from labrunner.actions.add_bridge import AddBridge
from labrunner.actions.add_link import AddLink
from labrunner.actions.add_netns import AddNetns
from labrunner.actions.add_route import AddRoute
from labrunner.actions.add_rule import AddRule
from labrunner.actions.add_veth import AddVeth
from labrunner.actions.delete_address import DeleteAddress
from labrunner.actions.delete_link import DeleteLink
from labrunner.actions.delete_netns import DeleteNetns
from labrunner.actions.delete_route import DeleteRoute
from labrunner.actions.delete_rule import DeleteRule
from labrunner.actions.masquerade import Masquerade
from labrunner.actions.move_link import MoveLink
from labrunner.actions.publish_port import PublishPort
from labrunner.actions.run import Run
from labrunner.actions.set_link import SetLink
from labrunner.actions.set_master import SetMaster
from labrunner.actions.set_policy import SetPolicy
from labrunner.actions.set_sysctl import SetSysctl
from labrunner.actions.write import Write
from labrunner.importing.ip_words import executed, netns_of, only_looks
from labrunner.importing.model import Link, Model, properties, setting
from labrunner.importing.verbs import words_of
from labrunner.importing.where import here
from runtime.network.builtin_chains import hook_of
from runtime.network.netns import LAB_HOST

_NAME = re.compile(r"[\w.@-]+")
_TAKING_AWAY = re.compile(r"\s(?:-[DFXZR]|--(?:delete|flush|zero|replace)|flush|delete|destroy|replace)\b")
_AT_LINKS = frozenset(("ip", "ifconfig", "brctl", "bridge", "sh", "bash"))
_AT_ROUTES = re.compile(r"\b(?:r|ro|rou|rout|route)\s+(?:d|de|del|delete|f|fl|flush|rep|replace|c|change)\b")

Subject = tuple[str, ...]


class Effects:
    """Follows the actions of the notes, step after step."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._touched: dict[Subject, set[str]] = {}
        self._paths: dict[tuple[str, str, str | None, str | None], None] = {}
        self._rules: list[Rule] = []
        self._mentioned: set[str] = set()
        self._guessing = False  # whether a command with variables may have made things of any name
        self._told: set[Subject] = set()
        self._remarks: list[str] = []

    def follow(self, action: Action) -> list[str]:
        """Do it in the model. Returns what to say of names that nothing has made."""
        self._remarks = []
        netns = getattr(action, "netns", LAB_HOST)
        if netns not in self._model.netns and not isinstance(action, Run):
            self._unmade(netns)
        self._do(action, netns)
        return self._remarks

    def checks(self) -> list[Check]:
        """What can be checked of all that was done since it was asked last, by the state at the end."""
        made = [check for subject in self._touched for check in self._checks_of(subject)]
        for netns, destination, gateway, interface in self._paths:
            given = {"gateway": gateway, "interface": interface}
            asked = {key: value for key, value in given.items() if value}
            check = Route(destination=destination, **asked, **here(netns))
            gone = Route(destination=destination, exists=False, **here(netns))
            made += [each for each in (check, gone) if self._model.holds(each)][:1]
        made += (check for check in dict.fromkeys(self._rules) if self._model.holds(check))
        self._touched, self._paths, self._rules = {}, {}, []
        return made

    def _checks_of(self, subject: Subject) -> Iterator[Check]:
        match subject:
            case "netns", name:
                exists = name in self._model.netns
                yield Netns(name=name, **({} if exists else {"exists": False}))
            case "link", netns, name:
                yield from self._check_of_link(netns, name, self._touched[subject])
            case "sysctl", netns, name:
                if (netns, setting(name)) in self._model.settings:
                    yield Sysctl(name=name, value=self._model.settings[netns, setting(name)], **here(netns))
            case "policy", netns, hook:
                if (netns, hook) in self._model.policies:
                    yield ChainPolicy(hook=hook, policy=self._model.policies[netns, hook], **here(netns))
            case "file", path:
                if path in self._model.files:
                    yield File(path=path, text=self._model.files[path])
            case "nat", netns, source, not_out:
                if (netns, source, not_out or None) in self._model.translated:
                    yield Nat(source=source, **({"not_out": not_out} if not_out else {}), **here(netns))

    def _check_of_link(self, netns: str, name: str, touched: set[str]) -> Iterator[Check]:
        link = self._model.links.get((netns, name))
        if link and not link.unsure:
            asked = {key: value for key, value in properties(link).items() if key in touched and value is not None}
            yield Interface(name=name, **here(netns), **asked)
        elif not link and netns in self._model.netns:
            yield Interface(name=name, **here(netns), exists=False)

    def _touch(self, *subject: str, what: tuple[str, ...] = ()) -> None:
        self._touched.setdefault(subject, set()).update(what)

    def _touch_link(self, link: Link, *what: str) -> None:
        self._touch("link", link.netns, link.name, what=what)

    def _unmade(self, netns: str) -> None:
        if not (self._guessing or netns in self._mentioned):
            self._remarks.append(f"nothing in the notes makes the network namespace {netns}")
        self._model.add_netns(netns)

    def _link(self, name: str, netns: str) -> Link:
        """The interface that is meant. One that nothing has made is taken to be there, after a word on it."""
        link = self._model.links.get((netns, name))
        if link is None:
            self._say_unmade(name, netns)
            link = self._model.add_link(name, netns)
        link.unsure = False
        return link

    def _say_unmade(self, name: str, netns: str) -> None:
        if self._guessing or name in self._mentioned or ("link", netns, name) in self._told:
            return
        self._told.add(("link", netns, name))
        elsewhere = next((link.netns for link in self._model.links.values() if link.name == name and name != "lo"), "")
        self._remarks.append(f"the interface {name} is in {elsewhere} by then, not in {netns}" if elsewhere
                             else f"nothing in the notes makes the interface {name} in {netns}")

    def _do(self, action: Action, netns: str) -> None:
        model = self._model
        match action:
            case AddNetns(name=name):
                model.add_netns(name)
                self._touch("netns", name)
            case DeleteNetns(name=name):
                if name not in model.netns:
                    self._unmade(name)
                model.delete_netns(name)
                self._touched = {key: what for key, what in self._touched.items() if name not in key[:2]}
                self._touch("netns", name)
            case DeleteRoute():
                model.delete_path(netns, action.destination, action.gateway, action.interface)
                self._paths[netns, action.destination, action.gateway, action.interface] = None
            case AddRoute():
                if action.interface:
                    self._link(action.interface, netns)
                model.add_path(netns, action.destination, action.gateway, action.interface)
                self._paths[netns, action.destination, action.gateway, action.interface] = None
            case SetSysctl(name=name, value=value):
                model.settings[netns, setting(name)] = value
                self._touch("sysctl", netns, name)
            case Masquerade(source=source, not_out=not_out):
                model.translated.add((netns, source, not_out))
                self._touch("nat", netns, source, not_out or "")
            case SetPolicy(table="filter", chain=chain, policy=policy):
                model.policies[netns, chain.lower()] = policy
                self._touch("policy", netns, chain.lower())
            case AddRule() | DeleteRule() | PublishPort():
                self._do_rule(action)
            case Write(path=path, text=text):
                model.files[path] = text
                self._touch("file", path)
            case Run():
                self._run(action)
            case _:
                self._do_to_link(action, netns)

    def _do_to_link(self, action: Action, netns: str) -> None:
        model = self._model
        match action:
            case AddVeth(name=name, peer=peer):
                far_netns = action.peer_netns or netns
                if far_netns not in model.netns:
                    self._unmade(far_netns)
                near, far = model.add_link(name, netns, "veth"), model.add_link(peer, far_netns, "veth")
                near.peer, far.peer = far, near
                for end in (near, far):
                    self._touch_link(end, "kind", "peer", *(["peer_netns"] if far_netns != netns else []))
            case AddBridge(name=name):
                self._touch_link(model.add_link(name, netns, "bridge"), "kind")
            case AddLink(name=name, kind=kind):
                self._touch_link(model.add_link(name, netns, kind))
            case DeleteLink(name=name):
                model.delete_link(self._link(name, netns))
                self._touch("link", netns, name)
            case MoveLink(name=name, to=str(to)):
                self._move(self._link(name, netns), to)
            case SetLink(name=name, state=state):
                link = self._link(name, netns)
                model.set_link(link, state == "up")
                self._touch_link(link, "up")
            case SetMaster(name=name, master=master):
                link = self._link(name, netns)
                link.master = self._link(master, netns) if master else None
                self._touch_link(link, "master")
            case AddAddress(address=address, interface=interface):
                link = self._link(interface, netns)
                link.addresses.append(address)
                self._touch_link(link, "address")
            case DeleteAddress(address=address, interface=interface):
                link = self._link(interface, netns)
                model.delete_address(link, address)
                self._touch_link(link, "address")

    def _do_rule(self, action: AddRule | DeleteRule | PublishPort) -> None:
        parts = action.specification._asdict()
        given = {name.rstrip("_"): list(value) if isinstance(value, tuple) else value
                 for name, value in parts.items() if value}
        table = "nat" if isinstance(action, PublishPort) else action.table
        hook = hook_of(table, action.chain)
        given |= {"hook": hook} if hook else {"chain": action.chain}
        check = Rule(**given, **here(action.netns))
        rule = (action.netns, check.shown())
        if not isinstance(action, DeleteRule):
            self._model.rules.append(rule)
        elif rule in self._model.rules:
            self._model.rules.remove(rule)
        self._rules += check, Rule(**given, **here(action.netns), exists=False)

    def _move(self, link: Link, to: str) -> None:
        if to not in self._model.netns:
            self._unmade(to)
        self._touched.pop(("link", link.netns, link.name), None)
        self._model.move_link(link, to)
        self._touch_link(link, "kind", "peer", "peer_netns")
        if link.peer:
            self._touch_link(link.peer, "peer", "peer_netns")

    def _run(self, action: Run) -> None:
        """A command that no verb describes: of what it may have changed nothing is sure any more."""
        words, model = words_of(action.command_) or action.command_.split(), self._model
        netns = action.netns
        if executed(words):
            netns, words = words[3], list(words[4:])
        names = set(_NAME.findall(action.command_))
        self._mentioned |= names
        self._guessing = self._guessing or "$" in action.command_
        if words[:1] == ["ip"] and only_looks(words[1:]):
            return
        netns = netns_of(words[1:], netns)[0] if words[:1] == ["ip"] else netns
        if _AT_LINKS.intersection(names):
            for link in [link for link in model.links.values() if link.name in names and link.netns in (netns, *names)]:
                link.unsure = True
                if "flush" in words:
                    model.delete_address(link, *link.addresses)
                link.addresses = []
        model.files = {path: text for path, text in model.files.items()
                       if not any(part in action.command_ for part in path.split("/")[2:])}
        if _AT_ROUTES.search(action.command_):
            model.paths = {place: paths for place, paths in model.paths.items() if place[0] != netns}
        if _TAKING_AWAY.search(action.command_) and {"iptables", "nft"} & names:
            model.translated.clear()
            model.rules.clear()
            model.policies.clear()
