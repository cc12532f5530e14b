"""Bundles of the lab: changing the config.json in one."""

from __future__ import annotations

import errno

from runtime.errors import Refused
from runtime.facts.files import read_files
from runtime.oci.available import RUNTIMES
from runtime.oci.command_line import config_of, spec
from runtime.oci.config import Edit, Unreadable, edit, read_config, write_config
from runtime.sandbox.handle import Sandbox


def edit_config(sandbox: Sandbox, bundle: str, change: Edit) -> None:
    """Change the config.json of the bundle in that folder. Where that fails it is as it was. Raises Refused."""
    path = config_of(bundle)
    text = _edited(sandbox, bundle, path, change)
    try:
        sandbox.write(path, text)
    except Refused as refused:
        look = f"df -h {bundle}" if refused.errno == errno.ENOSPC else f"ls -ld {bundle} {path}"
        raise Refused(f"edit {path}", refused.errno, refused.why, look) from refused


def _edited(sandbox: Sandbox, bundle: str, path: str, change: Edit) -> str:
    """What it then holds."""
    found = read_files(sandbox.root, [path])
    if not found:
        raise Refused(f"edit {path}", why="there is no such file", mend=spec(RUNTIMES[0], bundle))
    if found[0].text is None:
        raise Refused(f"edit {path}", why="it is no text of at most 64 KiB", mend=f"ls -l {path}")
    try:
        config = read_config(found[0].text)
        edit(config, change)
    except (Unreadable, ValueError) as error:
        raise Refused(f"edit {path}", why=str(error), mend=f"cat {path}") from error
    return write_config(config)
