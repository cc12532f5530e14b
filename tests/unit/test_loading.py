"""A lab file as a Lab: what is read, and what the words in it become."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.interface import Interface
from checks.ping import Ping
from labrunner.actions.add_veth import AddVeth
from labrunner.catalogue.catalog import bundled
from labrunner.errors import LabError
from labrunner.language.lab import Lab, kernel_needs
from labrunner.language.loading import load
from labrunner.language.variables import Variable
from labrunner.language.vocabulary import word, words

TEXT = """\
title: A lab
world: internet
vars:
  subnet: 192.168.0.0/24
  count: 2
steps:
  - title: First
    teach: |
      About {{ subnet }}.

    do:
      - add_veth: {name: veth0, peer: ceth0, peer_netns: c1}
      - add_netns: c1
      - add_bridge:
          name: br0
    check: &checks
      - interface: {name: veth0, up: false}
      - ping: {from: c1, to: "{{ subnet | host(1) }}", answers: false}
  - id: last
    title: Last
    check: *checks
"""


NUMBERS = """\
title: "{{ count }}"
topics: ["{{ count }}", "{{ half }}"]
vars: {count: 2, half: 1.5, port: {type: int, default: 8080}}
steps:
  - title: First
    do:
      - write: {path: /tmp/port, text: "{{ port }}"}
      - run: "{{ count }}"
      - add_link: {name: x0, kind: dummy, options: {id: "{{ count }}"}}
    check:
      - file: {path: /tmp/port, contains: "{{ port }}"}
      - tcp: {to: 10.0.0.1, port: "{{ port }}"}
      - same_namespace: ["{{ count }}", labhost]
    hints: ["{{ count }}"]
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    (tmp_path / "lab.yaml").write_text(TEXT)
    return load(str(tmp_path / "lab.yaml"))


def test_what_is_said_of_the_lab(lab: Lab) -> None:
    assert (lab.about.title, lab.world) == ("A lab", "internet")
    assert lab.variables == {"subnet": Variable("subnet", "192.168.0.0/24"), "count": Variable("count", 2, "int")}


def test_the_steps_and_their_ids(lab: Lab) -> None:
    assert [(step.id, step.title, step.teach) for step in lab.steps] == [
        ("step-1", "First", "About 192.168.0.0/24."), ("last", "Last", "")]


def test_the_statements_by_name_and_by_their_main_argument(lab: Lab) -> None:
    first = lab.steps[0]
    assert first.actions[0] == AddVeth(name="veth0", peer="ceth0", peer_netns="c1")
    assert [action.command() for action in first.actions[1:]] == ["ip netns add c1", "ip link add name br0 type bridge"]
    assert first.checks == (Interface(name="veth0", up=False), Ping(**{"from": "c1"}, to="192.168.0.1", answers=False))


def test_an_alias_stands_for_what_it_names(lab: Lab) -> None:
    assert lab.steps[1].checks == lab.steps[0].checks
    assert lab.steps[1].actions == ()


def test_the_words_are_those_of_the_files(lab: Lab) -> None:
    assert [word(action) for action in lab.steps[0].actions] == ["add_veth", "add_netns", "add_bridge"]
    assert "add_veth" in words("labrunner.actions")
    assert {"ping", "interface"} <= set(words("checks"))
    assert not {"language", "reasoning", "__init__"} & set(words("checks"))


def test_what_the_kernel_has_to_offer(lab: Lab) -> None:
    assert kernel_needs(lab) == {"veth", "bridge"}


def test_given_values_reach_the_statements(tmp_path: Path, lab: Lab) -> None:
    given = load(str(tmp_path / "lab.yaml"), {"subnet": "10.0.0.0/8"})
    assert {name: each.value for name, each in given.variables.items()} == {"subnet": "10.0.0.0/8", "count": 2}
    assert given.steps[0].teach == "About 10.0.0.0/8."
    assert isinstance(check := given.steps[0].checks[1], Ping)
    assert check.to == "10.0.0.1"


@pytest.mark.parametrize("port", ["8080", "9090"], ids=["default", "given"])
def test_a_number_alone_is_a_text_where_a_text_is_wanted_and_else_a_number(port: str, tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(NUMBERS)
    given = {} if port == "8080" else {"port": port}
    first, again = (load(str(tmp_path / "lab.yaml"), given) for _ in range(2))
    assert first == again  # the second time its tree may come from the cache
    step = first.steps[0]
    written, run, link = (do.action.values() for do in step.do)
    assert (written["text"], run["command"], link["options"]) == (port, "2", (("id", 2),))
    file, tcp, same = (holds.check.values() for holds in step.holds)
    assert (file["contains"], tcp["port"], same["between"][0]) == (port, int(port), "2")
    assert (first.about.title, first.about.topics, step.hints) == ("2", ("2", "1.5"), ("2",))


@pytest.mark.parametrize(("argument", "says"), [
    ("port: 70000", "70000 is not a whole number from 1 to 65535"), ("from: 80", "80 is not a text")])
def test_a_number_that_fits_in_no_form_or_is_no_template_is_refused(argument: str, says: str, tmp_path: Path) -> None:
    text = NUMBERS.replace("port: 70000", "").replace('port: "{{ port }}"', argument).replace("8080", "70000")
    (tmp_path / "lab.yaml").write_text(text)
    with pytest.raises(LabError, match=says):
        load(str(tmp_path / "lab.yaml"))


def test_a_lab_from_the_cache_is_the_same(tmp_path: Path, lab: Lab) -> None:
    assert list((tmp_path / "cache/labrun/labs").iterdir())
    assert load(str(tmp_path / "lab.yaml")) == lab


@pytest.mark.parametrize("path", bundled().values(), ids=list(bundled()))
def test_every_bundled_lab_is_good(path: str) -> None:
    lab = load(path)
    assert lab.about.summary
    assert lab.about.minutes
    assert all(step.teach and step.hints for step in lab.steps)
    assert all(step.actions or "There is nothing to do" in " ".join(step.teach.split()) for step in lab.steps)
    assert not any(step.id.startswith("step-") for step in lab.steps)
