"""Every lab, for root and for ordinary users with and without subordinate ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner.catalogue.catalog import bundled
from labrunner.language.loading import load
from tests.system.accounts import myself

if TYPE_CHECKING:
    from tests.system.accounts import AsUser, User


@pytest.mark.parametrize("lab", bundled())
@pytest.mark.parametrize("network", ["netlink", "iproute2"])
@pytest.mark.parametrize(("who", "id_map"), [("root", "rootmap"), ("lrsub", "subuid"), ("lrplain", "single")])
def test_everything_passes(installed: Path, users: dict[str, User], as_user: AsUser, who: str, id_map: str,
                           network: str, lab: str) -> None:
    user = users.get(who) or myself()
    done = as_user(user, [installed, "run", lab, "--json", "--network", network], cwd="/", check=True)
    report = json.loads(done.stdout)
    assert (report["outcome"], report["environment"]["id_map"], done.stderr) == ("pass", id_map, "")
    assert {step["outcome"] for step in report["steps"]} == {"pass"}
    assert {check["outcome"] for step in report["steps"] for check in step["checks"]} == {"pass"}
    assert [step["id"] for step in report["steps"]] == [step.id for step in load(bundled()[lab]).steps]


@pytest.mark.parametrize("id_map", ["single", "subuid"])
def test_another_id_map_can_be_asked_for(installed: Path, users: dict[str, User], as_user: AsUser, id_map: str) -> None:
    call: list[str | Path] = [installed, "run", "bridge-network", "--json", "--id-map", id_map]
    report = json.loads(as_user(users["lrsub"], call, cwd="/", check=True).stdout)
    assert (report["outcome"], report["environment"]["id_map"]) == ("pass", id_map)


@pytest.mark.parametrize("id_map", ["subuid", "rootmap"])
def test_an_id_map_that_cannot_be_is_missing(installed: Path, users: dict[str, User], as_user: AsUser,
                                             id_map: str) -> None:
    done = as_user(users["lrplain"], [installed, "run", "bridge-network", "--id-map", id_map], cwd="/")
    assert done.returncode == 3
    assert f"labrun: the id map '{id_map}' cannot be made" in done.stderr
    assert {"subuid": "next: sudo usermod --add-subuids", "rootmap": "next: leave out --id-map"}[id_map] in done.stderr
