"""What changed between two Snapshots."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from runtime.facts.addresses import Address
from runtime.facts.containers import Container
from runtime.facts.exits import Exit
from runtime.facts.files import File
from runtime.facts.links import Link
from runtime.facts.neighbours import Neighbour
from runtime.facts.routes import Route
from runtime.facts.rules import Chain, Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.facts.storage import Storage
from runtime.facts.trees import Tree


class Change(NamedTuple):
    """One thing that is not as it was.

    change: 'added', 'removed' or 'changed'.  kind: 'netns', 'link', 'address', 'route', 'neighbour', 'chain', 'rule',
    'sysctl', 'process', 'file', 'container', 'exit', 'tree', 'image' or 'overlay'.
    name: the thing in the words of ip(8).
    fields: (field, before, after) of a changed thing.
    """

    change: str
    netns: str
    kind: str
    name: str
    fields: tuple[tuple[str, str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "fields": [list(field) for field in self.fields]}


def difference(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """What has to be done to `before` to make it `after`. Counters of rules and unanswered neighbours don't count."""
    changes: list[Change] = []
    old, new = ({netns.name: netns for netns in snapshot.netns} for snapshot in (before, after))
    changes += _compare("", "netns", _inodes(old), _inodes(new))
    for name in dict.fromkeys((*old, *new)):
        changes += _within(name, old.get(name) or NetnsFacts(name, 0), new.get(name) or NetnsFacts(name, 0))
    changes += _compare("", "process", {f"{p.pid} {p.command}": {} for p in before.processes},
                        {f"{p.pid} {p.command}": {} for p in after.processes})
    changes += _compare("", "file", _files(before.files), _files(after.files))
    changes += _compare("", "tree", _trees(before.trees), _trees(after.trees))
    changes += _compare("", "container", _containers(before.containers), _containers(after.containers))
    changes += _compare("", "exit", _exits(before.exits), _exits(after.exits))
    changes += _compare("", "image", _images(before.storage), _images(after.storage))
    changes += _compare("", "overlay", _overlays(before.storage), _overlays(after.storage))
    return tuple(changes)


def _within(name: str, old: NetnsFacts, new: NetnsFacts) -> list[Change]:
    return [
        *_compare(name, "link", _links(old.links), _links(new.links)),
        *_compare(name, "address", _addresses(old.addresses), _addresses(new.addresses)),
        *_compare(name, "route", _routes(old.routes), _routes(new.routes)),
        *_compare(name, "neighbour", _neighbours(old.neighbours), _neighbours(new.neighbours)),
        *_compare(name, "chain", _chains(old.chains), _chains(new.chains)),
        *_compare(name, "rule", _rules(old.rules), _rules(new.rules)),
        *_compare(name, "sysctl", *({n: {"value": v} for n, v in facts.sysctls} for facts in (old, new)))
    ] if old != new else []


_Things = Mapping[str, Mapping[str, str]]
# Of something new they are not worth a word.
_QUIET = ("inode", "src", "mtu", "type", "hook", "priority", "mode", "size", "sha256", "text", "runtime", "bundle")
_EXCERPT = 40  # characters of a text
_LEAF = 120  # characters of a value in JSON that is told as a whole


def _compare(netns: str, kind: str, old: _Things, new: _Things) -> list[Change]:
    if kind == "sysctl":  # a setting that came with its netns is not news
        old, new = {n: v for n, v in old.items() if n in new}, {n: v for n, v in new.items() if n in old}
    changes = [Change("removed", netns, kind, name) for name in old if name not in new]
    for name, fields in new.items():
        if name not in old:
            shown = tuple((field, "", value) for field, value in fields.items()
                          if value and field not in _QUIET and not field.startswith("."))
            changes.append(Change("added", netns, kind, name, shown))
        elif fields != old[name]:
            both = {field: (old[name].get(field, ""), fields.get(field, "")) for field in {**old[name], **fields}}
            changed = tuple((field, was, is_) for field, (was, is_) in both.items() if was != is_)
            changes.append(Change("changed", netns, kind, name, changed))
    return changes


def _links(links: Iterable[Link]) -> _Things:
    return {link.name: {"kind": link.kind, "state": link.state, "master": link.master, "peer": link.peer,
                        "peer_netns": link.peer_netns, "mtu": str(link.mtu)} for link in links}


def _addresses(addresses: Iterable[Address]) -> _Things:
    return {f"{each.address} dev {each.interface}": {} for each in addresses}


def _routes(routes: Iterable[Route]) -> _Things:
    return _numbered((show_route(route), {"src": route.source}) for route in routes)


def _neighbours(neighbours: Iterable[Neighbour]) -> _Things:
    return {f"{each.address} dev {each.interface}": {} for each in neighbours if each.answered}


def _chains(chains: Iterable[Chain]) -> _Things:
    return {f"{each.family} {each.table} {each.name}": {
        "policy": each.policy, "type": each.type, "hook": each.hook, "priority": str(each.priority)} for each in chains}


def _rules(rules: Iterable[Rule]) -> _Things:
    return _numbered((show_rule(rule), {}) for rule in rules)


def _files(files: Iterable[File]) -> _Things:
    """The size of a folder is no matter: it changes with what is in it."""
    return {file.path: {"kind": file.kind, "mode": file.mode, "target": file.target, "sha256": file.sha256[:12],
                        **(_in_json(file) or {"size": str(file.size) if file.kind == "file" else "",
                                              "text": _excerpt(file.text or "")})} for file in files}


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…") if text else ""


def _in_json(file: File) -> dict[str, str]:
    """What a file in JSON says, by paths as those of jq(1); nothing when it is none."""
    if not file.path.endswith(".json") or not file.text:
        return {}
    with suppress(ValueError, RecursionError):
        return dict(_leaves("", json.loads(file.text)))
    return {}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{path}.{key}", each)
    elif isinstance(value, list) and len(text) > _LEAF:
        for number, each in enumerate(value):
            yield from _leaves(f"{path}[{number}]", each)
    else:
        yield path or ".", text


def _trees(trees: Iterable[Tree]) -> _Things:
    return {tree.path: {"files": f"{len(tree.files)}{'' if tree.whole else ' and more'}"} for tree in trees}


def _containers(containers: Iterable[Container]) -> _Things:
    """A PID of 0 is none."""
    return {each.name: {"status": each.status, "pid": str(each.pid or ""), "command": each.command,
                        "runtime": each.runtime, "bundle": each.bundle} for each in containers}


def _exits(exits: Iterable[Exit]) -> _Things:
    return {each.name: {"status": str(each.status)} for each in exits}


def _images(storage: Storage) -> _Things:
    """The digest of a manifest is that of the image, and docker shows 12 digits of one."""
    return {f"{image.name} in {layout.path}": {
        "digest": image.manifest.digest.removeprefix("sha256:")[:12], "layers": str(len(image.layers)),
        "damage": "" if image.intact else "yes"} for layout in storage.layouts for image in layout.images}


def _overlays(storage: Storage) -> _Things:
    return {each.at: {"lower": ", ".join(each.lower), "upper": each.upper} for each in storage.overlays}


def _inodes(netns: Mapping[str, NetnsFacts]) -> _Things:
    """Another inode is another namespace, though it has the old one's name."""
    return {name: {"inode": str(facts.inode)} for name, facts in netns.items()}


def _numbered(things: Iterable[tuple[str, dict[str, str]]]) -> _Things:
    """The same rule or route may stand twice; the second is a thing of its own."""
    seen: Counter[str] = Counter()
    numbered: dict[str, dict[str, str]] = {}
    for text, fields in things:
        seen[text] += 1
        numbered[text if seen[text] == 1 else f"{text} ({seen[text]})"] = fields
    return numbered


def show_route(route: Route) -> str:
    """In the words of ip-route(8)."""
    parts = [route.destination] if route.kind == "unicast" else [route.kind, route.destination]
    for word, value in (("via", route.gateway), ("dev", route.interface), ("metric", route.metric)):
        if value:
            parts += [word, str(value)]
    return " ".join(parts)


def show_rule(rule: Rule) -> str:
    """In the words of nft(8), after its table and chain."""
    return " ".join((rule.family, rule.table, rule.chain, *rule.matches, rule.target)).strip()
