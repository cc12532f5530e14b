"""See run-observe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from labrunner.catalogue.catalog import find
from labrunner.language.loading import load
from labrunner.session import Session
from runtime.sandbox.handle import start

_LIMIT = 5.0
_RUNS = 200
_TOOLS = """\
for n in "" "-n container-1" "-n container-2"; do
  ip -j $n -d link; ip -j $n addr; ip -j $n route; ip -j $n neigh
done
nft -j list ruleset
"""


def main() -> int:
    session = Session(load(find("bridge-network")), start())
    try:
        for _ in session.play():
            pass
        ours = milliseconds(session.observe, _RUNS)
        theirs = milliseconds(lambda: session.run(["/bin/sh", "-c", _TOOLS]), 10)
    finally:
        session.close()
    _tell(ours, "observe, 4 netns")
    _tell(theirs, "ip -j and nft -j, 3 netns")
    print(f"{median(ours):8.2f} ms, promised at most {_LIMIT:g}")
    return 0 if median(ours) <= _LIMIT else 1


def _tell(times: list[float], what: str) -> None:
    print(f"{median(times):8.2f} ms median  {min(times):8.2f} min  {max(times):8.2f} max   {what}")


def milliseconds(call: Callable[[], object], runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        started = perf_counter()
        call()
        times.append((perf_counter() - started) * 1000)
    return times


if __name__ == "__main__":
    sys.exit(main())
