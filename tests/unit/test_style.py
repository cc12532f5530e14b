"""What could be better in a lab: each rule finds its place, and says nothing of a lab that is well written."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.language.loading import examine
from labrunner.language.style import style

GOOD = """\
title: A lab
summary: One learns what a netns is.
minutes: 5
topics: [netns]
vars:
  name: c1
  net: {type: subnet, default: 10.0.0.0/24}
  gw: {type: address, default: 10.0.0.1, within: net}
steps:
  - id: first
    title: What is a netns ...
    teach: |
      About {{ name }} and {{ gw }}.
    do:
      - add_netns: c1
    check:
      - netns: c1
        until: third
    hints:
      - What makes a netns?
      - ip netns add c1
  - id: second
    title: Second
    teach: More.
    do:
      - add_netns: c2
    check:
      - netns: c2
      - netns: c1
    claims:
      - says: there can be two
        check: [{netns: c1}, {netns: c2}]
  - id: third
    title: Third
    teach: Look.
    check:
      - netns: c2
"""
LONG = "    teach: |\n" + "".join(f"      Line {n}.\n" for n in range(31))


def told(tmp_path: Path, text: str) -> list[str]:
    """LINE:COLUMN: what is said, of a lab without mistakes."""
    (tmp_path / "lab.yaml").write_text(text)
    examined = examine(str(tmp_path / "lab.yaml"))
    assert list(examined.mistakes) == []
    found = style(examined)
    assert found == sorted(found, key=lambda each: each.place)
    assert all(each.mend for each in found)
    return [f"{each.place.line}:{each.place.column}: {each.says}" for each in found]


def test_of_a_good_lab_nothing_is_said(tmp_path: Path) -> None:
    assert told(tmp_path, GOOD) == []


@pytest.mark.parametrize(("old", "new", "says"), [
    ("summary: One learns what a netns is.\n", "", "1:1: the lab does not tell its summary"),
    ("minutes: 5\n", "", "1:1: the lab does not tell its minutes"),
    ("topics: [netns]\n", "", "1:1: the lab does not tell its topics"),
    ("title: A lab", "title: A lab.", "1:8: a title has no full stop at its end"),
    ("title: Second", "title: Second.", "23:12: a title has no full stop at its end"),
    ("{{ name }}", "c1", "6:3: the variable 'name' is never used"),
    ("{{ name }}", "{{ '{{ name }}' }}", "6:3: the variable 'name' is never used"),
    (", within: net", "", "7:3: the variable 'net' is never used"),
    ("  - id: second\n    title", "  - title", "22:5: this step has no id of its own, and is called step-2"),
    ("    teach: More.\n", "", "22:5: this step teaches nothing"),
    ("    teach: More.\n", LONG, "24:12: this text is 31 lines long, and a screen has 30"),
    ("      - What makes a netns?\n", "", "20:9: the first hint gives the answer away: ip netns add c1"),
    ("- What makes a netns?", "- Type  ip netns   add c1 now", "20:9: the first hint gives the answer away"),
    ("- ip netns add c1", "- What  makes a netns?", "21:9: this hint is given already"),
    ("    check:\n      - netns: c2\n      - netns: c1\n", "", "28:7: this step does something, and only claims"),
    ("      - netns: c2\n      - netns: c1\n    claims", "      - netns: c1\n    claims", None),
    ("      - netns: c2\n      - netns: c1\n", "      - netns: c2\n      - netns: {name: c2}\n",
     "29:9: this check stands in this step already"),
    ("- netns: c2\n      - netns: c1\n", "- netns: c2\n      - not: {interface: {name: eth0, netns: c3}}\n",
     "29:9: nothing in this lab makes the netns 'c3'"),
    ("check: [{netns: c1}, {netns: c2}]", "check: [{any_of: [{not: [{ping: {from: c3, to: 10.0.0.1}}]}, {netns: c1}]}]",
     "31:9: nothing in this lab makes the netns 'c3'"),
    ("- netns: c2\n      - netns: c1\n", "- netns: c2\n      - not: {ping: {from: outside, to: 10.0.0.1}}\n",
     "29:9: nothing in this lab makes the netns 'outside'"),
    ("- netns: c2\n      - netns: c1\n", "- netns: c2\n      - ping: {from: c3, to: 10.0.0.1}\n", None),
    ("- netns: c2\n      - netns: c1\n", "- netns: c2\n      - netns: {name: c3, exists: false}\n", None),
], ids=str)
def test_a_matter(tmp_path: Path, old: str, new: str, says: str | None) -> None:
    assert old in GOOD
    found = told(tmp_path, GOOD.replace(old, new, 1))
    assert [each for each in found if says and each.startswith(says)] == found
    assert len(found) == (says is not None)


@pytest.mark.parametrize("makes", [
    "- run: ip netns add c3", "- run: for i in 3 4; do ip netns add c$i; done",
    "- write: {path: /tmp/make, text: ip netns add c3}"])
def test_a_command_may_make_a_netns_too(makes: str, tmp_path: Path) -> None:
    asks = "- netns: c2\n      - not: {interface: {name: lo, netns: c3, up: true}}\n"
    text = GOOD.replace("- netns: c2\n", asks, 1).replace("- add_netns: c2\n", f"- add_netns: c2\n      {makes}\n")
    assert told(tmp_path, text) == []


def test_a_step_that_checks_only_what_held_before_it(tmp_path: Path) -> None:
    start, end = GOOD.index("      - netns: c2\n      - netns: c1\n"), GOOD.index("  - id: third")
    nothing_new = GOOD[:start] + "      - netns: c1\n" + GOOD[end:]
    assert told(tmp_path, nothing_new) == ["28:7: all that this step checks holds before it already"]
    assert told(tmp_path, nothing_new.replace("until: third", "until: second")) == []
