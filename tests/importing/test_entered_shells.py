"""Shells that notes enter: what is typed in them is done where they are, or left out with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labrunner.importing.blocks import LeftOut
from labrunner.importing.drafting import draft
from labrunner.importing.notes import read_notes

Said = Callable[[str], tuple[list[str], list[str]]]
RED = "ip netns add red\n"


@pytest.fixture
def said(tmp_path: Path) -> Said:
    """said(text of notes) -> the commands of the lab, and each line that was left out with its reason."""

    def made(text: str) -> tuple[list[str], list[str]]:
        notes = tmp_path / "notes.md"
        notes.write_text(text, "utf-8")
        lab = draft(read_notes(str(notes)))
        done = [each.command() for step in lab.steps for each in step.entries if not isinstance(each, LeftOut)]
        return done, [f"{each.line} {each.why}" for each in lab.left_out]

    return made


def block(text: str) -> str:
    return f"```sh\n{text}\n```\n"


@pytest.mark.parametrize("shell", [
    "ip netns exec red bash", "sudo ip net exec red sudo /bin/bash -i", "nsenter --net=/var/run/netns/red",
    "nsenter --net=/run/netns/red sh"])
def test_what_is_typed_in_a_netns_is_done_there(said: Said, shell: str) -> None:
    done, left_out = said(block(f"{RED}{shell}\nip link set lo up\nexit\nip link set lo down"))
    assert done == ["ip netns add red", "ip -n red link set lo up", "ip link set lo down"]
    assert left_out == ["3 what is typed in this shell, to line 5, is done in red"]


def test_a_shell_goes_on_in_the_next_block_when_it_is_left_there(said: Said) -> None:
    done, _ = said(f"{block(RED)}Enter it with `ip netns exec red bash`:\n{block('ip link set lo up')}"
                   f"and leave it: `exit`.\n{block('ip link set lo down')}")
    assert done == ["ip netns add red", "ip -n red link set lo up", "ip link set lo down"]


def test_a_shell_that_is_not_left_ends_with_its_block(said: Said) -> None:
    done, left_out = said(f"{block(RED)}As `ip netns exec red bash`.\n{block('ip link set lo up')}")
    assert done == ["ip netns add red", "ip link set lo up"]
    assert left_out == ["5 the notes do not leave this shell; what comes after it is not done in red"]
    entered = block(f"{RED}ip netns exec red bash\nip link set lo up")
    done, _ = said(f"{entered}{block('ip link set lo down')}")
    assert done == ["ip netns add red", "ip -n red link set lo up", "ip link set lo down"]


def test_the_exit_of_another_shell_is_not_taken_for_its_own(said: Said) -> None:
    done, _ = said(block(f"{RED}ip netns exec red bash\nsudo -i\nexit\nip link set lo up\nexit\nip link set lo down"))
    assert done == ["ip netns add red", "ip -n red link set lo up", "ip link set lo down"]


def test_what_only_a_shell_understands_is_given_to_one(said: Said) -> None:
    done, _ = said(block(f"{RED}ip netns exec red bash\nip link set lo up\nip a | grep lo\nexit"))
    assert done == ["ip netns add red", "ip -n red link set lo up", "ip netns exec red sh -c 'ip a | grep lo'"]


@pytest.mark.parametrize("shell", [
    "unshare -n bash", "docker run -it --rm alpine sh", "docker exec -ti web bash", "chroot /tmp/x /bin/sh",
    "runc exec -t web sh", "ssh me@there"])
def test_where_no_lab_can_follow(said: Said, shell: str) -> None:
    done, left_out = said(block(f"{RED}{shell}\nip link set lo up\nexit\nip link set lo down"))
    assert done == ["ip netns add red", "ip link set lo down"]
    assert left_out[1] == "4 it is typed in the shell that line 3 starts, and no lab can follow there"


def test_the_words_of_bash_are_given_to_bash(said: Said) -> None:
    done, _ = said(block(f"{RED}for i in {{1..2}}; do ip link set lo up; done"))
    assert done == ["ip netns add red", "bash -c 'for i in {1..2}; do ip link set lo up; done'"]


def test_code_in_a_tab(said: Said) -> None:
    done, left_out = said('=== "iproute2"\n\n    ```sh\n    ip netns add red\n    ```\n\n'
                          '=== "other"\n\n    ``` {.json .x}\n    {}\n    ```\n\n```{.bash}\nip netns add blue\n```\n')
    assert done == ["ip netns add red", "ip netns add blue"]
    assert left_out == ["10 a block of json"]
    done, _ = said("!!! note\n\n    As here:\n\n    ~~~\n    ip netns add red\n    ~~~\n\n"
                   "    ```\n    ip netns add blue\n")
    assert done == ["ip netns add red", "ip netns add blue"]
