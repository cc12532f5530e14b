"""What this kernel offers to a sandbox, found out by trying it in one."""

from __future__ import annotations

from collections.abc import Callable

from runtime.errors import Problem
from runtime.network.netns import LAB_HOST, Namespaces
from runtime.network.rule_specification import Specification
from runtime.network.verbs import Network
from runtime.oci.available import FEATURE, RUNTIMES, need_runtime
from runtime.sandbox.handle import Sandbox

_FEATURES: dict[str, tuple[str, Callable[[Network], None]]] = {
    "veth": ("veth pairs", lambda network: network.add_veth("a", "b", LAB_HOST, LAB_HOST)),
    "bridge": ("bridges", lambda network: network.add_bridge("c", LAB_HOST)),
    "nat": ("NAT by nf_tables", lambda network: network.masquerade("192.168.0.0/24", "", LAB_HOST)),
    "publishing": ("published ports by nf_tables", lambda network: network.add_rule(
        "nat", "PREROUTING", Specification(jump="DNAT", to="192.168.0.2"), LAB_HOST)),
    "filter": ("packet filters by nf_tables", lambda network: network.add_rule(
        "filter", "FORWARD", Specification(state=("new",), jump="REJECT"), LAB_HOST)),
    FEATURE: (f"an OCI runtime, {' or '.join(RUNTIMES)}", lambda _network: need_runtime()),
}


def features() -> dict[str, str]:
    """Name -> what it is, in words."""
    return {name: says for name, (says, _try) in _FEATURES.items()}


def try_all(sandbox: Sandbox) -> dict[str, str]:
    """Why a feature does not work here, by its name; those that work are left out.

    To be called after Sandbox.enter.
    """
    network = Network(sandbox, Namespaces.of_sandbox(sandbox.root))
    reasons = {}
    for name, (_says, attempt) in _FEATURES.items():
        try:
            attempt(network)
        except Problem as problem:
            reasons[name] = str(problem)
    return reasons
