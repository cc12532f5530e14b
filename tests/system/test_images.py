"""A root file system out of an image: got outside, looked through, streamed into the sandbox, run as a container."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.accounts import myself

if TYPE_CHECKING:
    from tests.system.accounts import AsUser, User

LAB = """\
title: An image
vars: {{image: machine}}
steps:
  - id: unpack
    title: Unpack it
    do:
      - export_rootfs: {{to: /tmp/c1/rootfs, from: "{{{{ image }}}}"}}
    check:
      - rootfs: {{path: /tmp/c1/rootfs, has: [/bin/sh, /hello]}}
  - id: run
    title: Run it
    do:
      - write_spec: /tmp/c1
      - edit_config: {{bundle: /tmp/c1, at: process.args, set: [cat, /hello]}}
      - edit_config: {{bundle: /tmp/c1, at: process.terminal, set: false}}
      - edit_config: {{bundle: /tmp/c1, at: "mounts[destination=/dev/pts].options", remove: gid=5}}
      - run: runc run --bundle /tmp/c1 c1 > /tmp/said
    check:
      - file: {{path: /tmp/said, text: "{said}\\n"}}
"""


def entry(name: str, data: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def image(path: Path, said: str, *more: tuple[tarfile.TarInfo, bytes]) -> None:
    """What `docker save` writes, of two layers. The files of the second belong to another user."""
    busybox = Path("/usr/bin/busybox").read_bytes()
    layers = [tar(entry("bin", type=tarfile.DIRTYPE, mode=0o755), entry("bin/busybox", busybox, mode=0o755),
                  *(entry(f"bin/{name}", type=tarfile.SYMTYPE, linkname="busybox") for name in ("sh", "cat"))),
              tar(entry("hello", f"{said}\n".encode(), uid=101, gid=101), *more)]
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [
        f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]}}).encode()
    names = [f"{number}.tar" for number in range(len(layers))]
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["hello:1"], "Layers": names}]).encode()
    path.write_bytes(tar(entry("manifest.json", manifest), entry("config.json", config),
                         *(entry(name, layer) for name, layer in zip(names, layers, strict=True))))
    path.chmod(0o644)


@pytest.fixture
def folder(session_folder: Path, request: pytest.FixtureRequest) -> Path:
    """One that every user may read."""
    path = session_folder / f"images-{abs(hash(request.node.nodeid))}"
    path.mkdir()
    return path


@pytest.mark.parametrize(("who", "id_map"), [("root", "rootmap"), ("lrsub", "subuid"), ("lrplain", "single")])
def test_from_an_archive_to_a_container(installed: Path, users: dict[str, User], as_user: AsUser, folder: Path,
                                        who: str, id_map: str) -> None:
    image(folder / "image.tar", "hello")
    (folder / "lab.yaml").write_text(LAB.format(said="hello"))
    user = users.get(who) or myself()
    call: list[str | Path] = [installed, "run", folder, "--set", f"image=docker-archive:{folder}/image.tar", "--json"]
    for _ in range(2):  # the second time out of the cache folder
        report = json.loads(as_user(user, call, cwd="/", check=True).stdout)
        assert (report["outcome"], report["environment"]["id_map"]) == ("pass", id_map)
    command = report["steps"][0]["actions"][0]["command"]
    assert command.endswith("| tar --no-same-owner -xC /tmp/c1/rootfs")
    kept = list((user.home / ".cache/labrun/rootfs").iterdir())
    assert kept
    for each in kept:
        each.unlink()


@pytest.mark.parametrize(("more", "says"), [
    (entry("../../../tmp/labrun-was-here", b"x"), "../../../tmp/labrun-was-here"),
    (entry("/tmp/labrun-was-here", b"x"), "/tmp/labrun-was-here"),
    (entry("dev", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "dev"),
    (entry("up", type=tarfile.SYMTYPE, linkname="../../etc"), "up"),
    (entry("hard", type=tarfile.LNKTYPE, linkname="../../etc/passwd"), "hard"),
])
def test_a_hostile_archive_is_told_in_its_step(installed: Path, users: dict[str, User], as_user: AsUser, folder: Path,
                                               more: tuple[tarfile.TarInfo, bytes], says: str) -> None:
    image(folder / "image.tar", "hello", more)
    (folder / "lab.yaml").write_text(LAB.format(said="hello"))
    call: list[str | Path] = [installed, "run", folder, "--set", f"image=docker-archive:{folder}/image.tar", "--json"]
    done = as_user(users["lrsub"], call, cwd="/")
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"], report["steps"][0]["outcome"]) == (4, "error", "error")
    assert says in done.stdout
    assert "Traceback" not in done.stderr
    assert not os.path.exists("/tmp/labrun-was-here")


@pytest.mark.parametrize(("source", "code", "says"), [
    ("docker-archive:/none.tar", 4, "/none.tar"),
    ("oci:/etc", 4, "/etc"),
    ("nonsense", 2, "is no source of a root file system"),
    ("docker-archive:image.tar", 2, "absolute path"),
])
def test_a_source_that_is_none(installed: Path, users: dict[str, User], as_user: AsUser, folder: Path, source: str,
                               code: int, says: str) -> None:
    (folder / "lab.yaml").write_text(LAB.format(said="hello"))
    done = as_user(users["lrplain"], [installed, "run", folder, "--set", f"image={source}"], cwd="/")
    assert done.returncode == code
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
