"""Every verb shows the command that a person types; typed in notes, that command is the verb again."""

from __future__ import annotations

import pytest

from labrunner.action import Action
from labrunner.importing.verbs import actions_of
from tests.contract.test_verbs import EXAMPLES

ALONE = [example.action for example in EXAMPLES if "&&" not in example.action.command()]
# Two verbs with one command: the shorter is taken.
SYNONYMS = {
    "ip -n c1 link add one type veth peer name two",
    "iptables -t nat -A OUTPUT -p tcp --dport 1 -j DNAT --to-destination 192.168.0.2:65535",
}


@pytest.mark.parametrize("action", ALONE, ids=lambda action: action.command())
def test_a_shown_command_is_the_verb_again(action: Action) -> None:
    command = action.command()
    found = actions_of(command)
    assert [each.command() for each in found] == [command]
    assert found == (action,) or command in SYNONYMS
    assert actions_of(f"  {command}".strip()) == found


def test_nearly_all_are_tried() -> None:
    assert len(ALONE) > 0.9 * len(EXAMPLES)
