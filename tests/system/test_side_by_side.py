"""Many runs at once, of one user and of several, do not disturb one another."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.accounts import myself, start_as

if TYPE_CHECKING:
    from tests.system.accounts import User

NUMBER = 20


def test_twenty_runs_side_by_side(installed: Path, users: dict[str, User]) -> None:
    everyone = [myself(), *users.values()]
    running = [
        start_as(everyone[i % len(everyone)], [installed, "run", "bridge-network", "--json"], cwd="/",
                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for i in range(NUMBER)
    ]
    ends = [(*process.communicate(timeout=120), process.returncode) for process in running]
    assert [(code, errors, _not_passed(output)) for output, errors, code in ends] == [(0, "", [])] * NUMBER


def _not_passed(output: str) -> list[str]:
    """The checks that did not pass, and what was seen instead."""
    report = json.loads(output) if output else {"steps": []}
    return [f"{check['claim']}: {check['actual']}" for step in report["steps"] for check in step["checks"]
            if check["outcome"] != "pass"]
