"""What this machine lacks for a lab: programs on a PATH of the tests, and features that are said not to work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labrunner.catalogue import lacking as lacking_module
from labrunner.catalogue.index import Listed
from labrunner.catalogue.lacking import Lack, lacking, mend_feature
from labrunner.language.about import About
from labrunner.language.vocabulary import ACTIONS
from runtime import programs
from runtime.errors import Missing
from runtime.features import features
from runtime.programs import how_to_install, is_there


@pytest.fixture(autouse=True)
def programs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is on the PATH of labs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(programs, "PATH", f"{tmp_path}/nowhere:{folder}")
    return folder


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """'reasons': what a visit to a sandbox says, or raises.  'times': how often there was one."""
    answer: dict[str, Any] = {"reasons": {}, "times": 0}

    def visit(_function: object, _kind: str = "auto") -> Any:
        answer["times"] += 1
        if isinstance(answer["reasons"], Exception):
            raise answer["reasons"]
        return answer["reasons"]

    monkeypatch.setattr("runtime.sandbox.visit.visit", visit)
    return answer


def lab(name: str, needs: tuple[str, ...] = (), features: tuple[str, ...] = ()) -> Listed:
    return Listed(About(name, f"/{name}/lab.yaml", "A lab", "", "beginner", 0, (), needs), features)


def program(folder: Path, name: str, mode: int = 0o755) -> None:
    (folder / name).touch()
    (folder / name).chmod(mode)


@pytest.mark.usefixtures("tried")
def test_programs(programs_here: Path) -> None:
    program(programs_here, "ip")
    program(programs_here, "nft", 0o644)
    assert (is_there("ip"), is_there("nft"), is_there("runc")) == (True, False, False)
    nft = Lack("nft", "needs nft, which is not here", "sudo apt install nftables")
    runc = Lack("runc", "needs runc, which is not here", "sudo apt install runc")
    assert lacking([lab("a", ("ip", "nft")), lab("b"), lab("c", ("runc", "nft"))]) == [(nft,), (), (runc, nft)]
    assert str(nft) == "needs nft, which is not here: sudo apt install nftables"


@pytest.mark.parametrize(("name", "package"), [("ss", "iproute2"), ("nft", "nftables"), ("curl", "curl")])
def test_the_package_of_a_program(name: str, package: str) -> None:
    assert how_to_install(name) == f"sudo apt install {package}"


def test_what_works_is_believed_and_what_does_not_is_tried_again(tried: dict[str, Any]) -> None:
    tried["reasons"] = {"nat": "no such thing"}
    labs = [lab("a", features=("nat", "veth")), lab("b", features=("bridge",))]
    nat = Lack("nat", "needs NAT by nf_tables, which is not to be had here (no such thing)", mend_feature("nat"))
    assert [lacking(labs), lacking(labs)] == [[(nat,), ()]] * 2
    assert tried["times"] == 2
    assert lacking(labs[1:]) == [()]
    assert tried["times"] == 2, "bridges are known to work"
    tried["reasons"] = {}
    assert [lacking(labs), lacking(labs)] == [[(), ()]] * 2
    assert tried["times"] == 3


def test_where_no_sandbox_can_be_nothing_is_believed(tried: dict[str, Any]) -> None:
    tried["reasons"] = Missing("make a user namespace", "they are forbidden", "sudo sysctl -w user.max=1")
    labs = [lab("a", features=("veth",)), lab("b")]
    sandbox = Lack("sandbox", "needs a sandbox, and there can be none: make a user namespace: they are forbidden",
                   "sudo sysctl -w user.max=1")
    assert [lacking(labs), lacking(labs)] == [[(sandbox,), (sandbox,)]] * 2
    assert tried["times"] == 2
    tried["reasons"] = {}
    assert lacking(labs) == [(), ()]


@pytest.mark.parametrize("part", range(4), ids=["kernel", "boot", "user", "labrun"])
def test_it_is_believed_for_this_boot_and_this_user(tried: dict[str, Any], part: int,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    lacking([lab("a")])
    now = list(lacking_module._this_boot())
    assert all(now) or now[2] == 0
    now[part] = "another"
    monkeypatch.setattr(lacking_module, "_this_boot", lambda: tuple(now))
    lacking([lab("a")])
    lacking([lab("a")])
    assert tried["times"] == 2


@pytest.mark.usefixtures("tried")
def test_one_oci_runtime_is_enough_and_is_looked_for_each_time(programs_here: Path) -> None:
    labs = [lab("a", features=("runtime",)), lab("b")]
    lack = Lack("runtime", "needs an OCI runtime, and neither runc nor crun is installed", "sudo apt install runc")
    assert lacking(labs) == [(lack,), ()]
    program(programs_here, "crun")
    assert lacking(labs) == [(), ()]
    (programs_here / "crun").unlink()
    assert lacking(labs) == [(lack,), ()]


def test_nothing_is_tried_for_no_labs(tried: dict[str, Any]) -> None:
    assert (lacking([]), tried["times"]) == ([], 0)


def test_every_feature_that_an_action_needs_can_be_tried() -> None:
    needed = {name for word in ACTIONS.words for name in ACTIONS.find(word).needs}
    assert needed <= set(features())
