"""Questions of every kind, asked side by side: ten cost one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from runtime.network.netns import Netns
from runtime.probes import ping
from runtime.probes.ping import Answer as PingAnswer
from runtime.probes.ping import Ping, ping_all

if TYPE_CHECKING:  # few labs ask for connections
    from runtime.probes.http import Exchange, Http, HttpAnswer
    from runtime.probes.tcp import Handshake, Tcp, TcpAnswer

Probe: TypeAlias = "Ping | Tcp | Http"
Answer: TypeAlias = "PingAnswer | TcpAnswer | HttpAnswer"


def ask_all(probes: Iterable[Probe], namespaces: Mapping[str, Netns],
            patience: float | None = None) -> dict[Probe, Answer]:
    """The answer to each.

    namespaces: every netns of the lab, for a connection may arrive in any.
    patience: seconds for which an answer that has to come is awaited; None for PATIENCE.
    """
    asked = list(dict.fromkeys(probes))
    pings = [probe for probe in asked if isinstance(probe, Ping)]
    others = [probe for probe in asked if not isinstance(probe, Ping)]
    answers: dict[Probe, Answer] = {}
    if not others:
        answers.update(ping_all(pings, namespaces, patience).items())
        return answers
    with _beside(lambda: answers.update(ping_all(pings, namespaces, patience).items())):
        answers.update(_connect(others, namespaces, ping.PATIENCE if patience is None else patience))
    return answers


def _connect(probes: Iterable[Tcp | Http], namespaces: Mapping[str, Netns], patience: float) -> dict[Probe, Answer]:
    from runtime.probes.connecting import connect_all

    connections = {probe: _connection(probe, namespaces[probe.netns], patience) for probe in probes}
    connect_all(connections.values(), namespaces)
    return {probe: connection.answer() for probe, connection in connections.items()}


def _connection(probe: Tcp | Http, netns: Netns, patience: float) -> Handshake | Exchange:
    from runtime.probes.http import Exchange
    from runtime.probes.tcp import Handshake, Tcp

    return Handshake(probe, netns, patience) if isinstance(probe, Tcp) else Exchange(probe, netns, patience)


@contextmanager
def _beside(work: Callable[[], None]) -> Iterator[None]:
    """Meanwhile a thread does `work`. The block ends when both have; what `work` raises is raised then."""
    from threading import Thread

    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 whatever it is, it is told in the thread that waits
            raised.append(error)

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if raised:
        raise raised[0]
