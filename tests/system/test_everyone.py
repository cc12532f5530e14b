"""Every lab, for root and for ordinary users with and without subordinate ids."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner.catalogue.catalog import bundled
from labrunner.language.lab import kernel_needs
from labrunner.language.loading import load
from tests.golden.schema import run_document
from tests.system.accounts import myself

if TYPE_CHECKING:
    from tests.system.accounts import AsUser, User


CONTAINERS = [name for name, path in bundled().items() if "runtime" in kernel_needs(load(path))]
WAYS = [(lab, "netlink", "runc" if lab in CONTAINERS else None) for lab in bundled()]
WAYS += [(lab, "netlink", "crun") for lab in CONTAINERS]
WAYS += [(lab, "iproute2", None) for lab in bundled() if lab not in CONTAINERS]
EVERYONE = [("root", "rootmap"), ("lrsub", "subuid"), ("lrplain", "single")]
# Root and whoever has a single id have the most, and the least, to do with: the ways of the third by hand.
USUAL = [way for way in WAYS if way[1] == "netlink" and way[2] != "crun"]
PEOPLE = [(user, WAYS if user[0] != "lrsub" or os.environ.get("LABRUN_TEST_EVERYONE") else USUAL) for user in EVERYONE]
# The commands that are shown for a container are those that are run, whatever --network says; but for images.
TYPED = [("lrplain", "single", lab, "iproute2", "runc") for lab in CONTAINERS]


def test_which_labs_are_about_containers() -> None:
    assert CONTAINERS == ["attach-vs-exec", "build-cache", "build-image", "container-network", "container-shim",
                          "containerd-shim", "docker-run-by-hand", "image-layers", "oci-bundle", "runc-lifecycle",
                          "scratch-container"]


@pytest.mark.parametrize(("who", "id_map", "lab", "network", "runtime"), [
    *((*user, *way) for user, ways in PEOPLE for way in ways), *TYPED])
def test_everything_passes(installed: Path, users: dict[str, User], as_user: AsUser, who: str, id_map: str,
                           lab: str, network: str, runtime: str | None) -> None:
    user = users.get(who) or myself()
    which = ["--runtime", runtime] if runtime else []
    done = as_user(user, [installed, "run", lab, "--json", "--network", network, *which], cwd="/", check=True)
    report = run_document(done.stdout)
    assert (report["outcome"], report["environment"]["id_map"], done.stderr) == ("pass", id_map, "")
    assert (report["environment"]["network"], report["environment"]["runtime"]) == (network, runtime)
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
