"""Completion in real shells, and the manual page."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from labrunner.cli import COMMANDS
from scripts.make_man import page
from tests.system.desk import Desk
from tests.system.learning import said
from tests.system.screen import Screen

ROOT = Path(__file__).resolve().parents[2]
# What is typed before the tabulator, and what then stands there.
LINES = {
    "labrun sta": r"start.*\s+.*status",
    "labrun run bridge-n": "labrun run bridge-network",
    "labrun run bridge-network --until second": "--until second-container",
    "labrun check --js": "labrun check --json",
    "labrun stop netn": "labrun stop netns-veth",
    "labrun goto addr": "labrun goto address",
}
BEGIN = {
    "bash": ("--norc", "-i", "PS1='> '; bind 'set enable-bracketed-paste off'; . {script}"),
    "zsh": ("-f", "-i", "PS1='> '; autoload -Uz compinit; compinit -u -d {dump}; . {script}"),
    "fish": ("--no-config", "-i", "function fish_prompt; echo -n '> '; end; source {script}"),
}


@pytest.mark.parametrize("shell", BEGIN)
def test_a_tabulator_completes(desk: Desk, shell: str, tmp_path: Path) -> None:
    said(desk, "start", "netns-veth", "--no-shell")
    script = tmp_path / f"labrun.{shell}"
    script.write_text(said(desk, "completion", shell))
    *options, begin = BEGIN[shell]
    person = desk.person(*options, program=shutil.which(shell) or shell, rows=50, columns=150)
    screen = Screen(person, 50, 150)
    try:
        person.sendline(f"export PATH={desk.labrun.parent}:$PATH")
        person.sendline(f"{begin.format(script=script, dump=tmp_path / 'dump')}; echo rea''dy")
        screen.shows("^ready")
        for typed, shown in LINES.items():
            person.send(f"{typed}\t\t")
            screen.shows(shown)
            person.sendcontrol("c")
            person.sendline("clear; echo nex''t")
            screen.shows("^next")
    finally:
        person.close(force=True)


def test_the_manual_page_is_that_of_the_help_texts() -> None:
    assert (ROOT / "docs/labrun.1").read_text("utf-8") == page(), "python3 scripts/make_man.py > docs/labrun.1"


def test_the_manual_page_is_well_formed() -> None:
    done = subprocess.run(["groff", "-man", "-ww", "-K", "utf8", "-Tutf8", ROOT / "docs/labrun.1"], capture_output=True,
                          text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"labrun {command}" in done.stdout for command in COMMANDS)


def test_the_manual_page_is_installed(installed: Path) -> None:
    assert (installed.parent.parent / "share/man/man1/labrun.1").exists()
