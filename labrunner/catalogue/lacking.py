"""What this machine lacks for a lab: programs, and what the kernel has to offer.

Programs are looked for each time. What the kernel offers has to be tried in a sandbox, which takes 40 ms; what was
found to work is believed until the machine is started anew, and what was not is tried again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import runtime
from labrunner.cache_folder import keep, recall, stamp
from labrunner.catalogue.index import Listed
from runtime.errors import Missing, Problem
from runtime.oci.available import FEATURE, RUNTIMES, need_runtime
from runtime.programs import how_to_install, is_there

SANDBOX = "sandbox"
_FEATURES = os.path.join(os.path.dirname(runtime.__file__ or ""), "features.py")
# feature -> the kernel modules that it most often needs
_MODULES = {"veth": "veth", "bridge": "bridge", "nat": "nft_compat xt_MASQUERADE nf_tables nft_chain_nat",
            "publishing": "nft_compat xt_nat nf_tables nft_chain_nat",
            "filter": "nft_compat xt_conntrack ipt_REJECT nf_tables"}


class Lack(NamedTuple):
    """Something that is not here. name: the program or the feature.  mend: what to do about it, '' when unknown."""

    name: str
    says: str
    mend: str

    def __str__(self) -> str:
        return f"{self.says}: {self.mend}" if self.mend else self.says


def lacking(labs: Sequence[Listed]) -> list[tuple[Lack, ...]]:
    """What this machine lacks for each of the labs."""
    lacks = {**_kernel({name for lab in labs for name in (SANDBOX, *lab.features)} - {FEATURE}), **_runtime()}
    programs = _programs({name for lab in labs for name in lab.about.needs})
    return [(*_among(lacks, (SANDBOX, *lab.features)), *_among(programs, lab.about.needs)) for lab in labs]


def mend_feature(name: str) -> str:
    """What to do when the kernel does not offer a feature."""
    if name == FEATURE:
        return how_to_install(RUNTIMES[0])
    return f"sudo modprobe {_MODULES[name]}; or a kernel that has it" if name in _MODULES else "a kernel that has it"


def _among(lacks: dict[str, Lack], names: Iterable[str]) -> Iterator[Lack]:
    return (lacks[name] for name in names if name in lacks)


def _programs(wanted: set[str]) -> dict[str, Lack]:
    """What is not here of the programs that are wanted."""
    return {name: Lack(name, f"needs {name}, which is not here", how_to_install(name))
            for name in wanted if not is_there(name)}


def _runtime() -> dict[str, Lack]:
    """What is not here when there is no OCI runtime: a program too, of which any will do."""
    try:
        need_runtime()
    except Missing as missing:
        return {FEATURE: Lack(FEATURE, f"needs an OCI runtime, and {missing.why}", missing.mend)}
    return {}


def _kernel(wanted: set[str]) -> dict[str, Lack]:
    """What does not work of what is wanted of the kernel."""
    key = _this_boot()
    if wanted <= set(recall("kernel", key) or ()):
        return {}
    lacks, working = _tried()
    keep("kernel", key, working)
    return {name: lacks[name] for name in wanted & set(lacks)}


def _tried() -> tuple[dict[str, Lack], list[str]]:
    """What does not work, and what does."""
    from runtime.features import features, try_all
    from runtime.sandbox.visit import visit

    says = features()
    try:
        reasons = visit(try_all)
    except Problem as problem:
        return {SANDBOX: Lack(SANDBOX, f"needs a sandbox, and there can be none: {problem}", problem.mend)}, []
    lacks = {name: Lack(name, f"needs {says[name]}, which is not to be had here ({why})", mend_feature(name))
             for name, why in reasons.items()}
    return lacks, [name for name in (SANDBOX, *says) if name not in lacks]


def _this_boot() -> tuple[Any, ...]:
    """For whom, and for how long, the kernel offers the same."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
    except OSError:
        boot = ""
    return os.uname().release, boot, os.getuid(), stamp(_FEATURES)
