"""Tars and images of tars, made by hand, and what comes of them when tar(1) unpacks them."""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

TYPES = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE,
         "fifo": tarfile.FIFOTYPE, "character": tarfile.CHRTYPE, "block": tarfile.BLKTYPE}

_MEDIA = "application/vnd.oci.image"
Form = Literal[1, 2]  # tarfile.GNU_FORMAT, tarfile.PAX_FORMAT


class Item(NamedTuple):
    """An entry of a tar. fields: what else a header says."""

    name: str
    kind: str = "file"
    data: bytes = b""
    target: str = ""
    fields: Mapping[str, Any] = {}


def tar(*items: Item, form: Form = tarfile.GNU_FORMAT) -> bytes:
    """A tar of them."""
    return b"".join(entry(item, form) for item in items) + bytes(1024)


def entry(item: Item, form: Form = tarfile.GNU_FORMAT) -> bytes:
    """The header of one, with what stands before it and behind it."""
    info = tarfile.TarInfo(item.name)
    info.type, info.linkname = TYPES.get(item.kind, item.kind.encode()), item.target
    info.size, info.mtime, info.mode = len(item.data), 1_700_000_000, 0o755 if item.kind == "folder" else 0o644
    for field, value in item.fields.items():
        setattr(info, field, value)
    return info.tobuf(form, "utf-8", "surrogateescape") + item.data + bytes(-len(item.data) % 512)


def digest(data: bytes) -> str:
    """As in a descriptor."""
    return f"sha256:{sha256(data).hexdigest()}"


def config(layers: Iterable[bytes], **more: Any) -> bytes:
    """The config of an image with those layers."""
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["true"]},
                       "rootfs": {"type": "layers", "diff_ids": [*map(digest, layers)]}, **more}).encode()


def docker_archive(*layers: bytes, name: str = "box:latest") -> dict[str, bytes]:
    """The files that `docker save` writes of an image with those layers, lowest first."""
    about = config(layers)
    places = {f"{number}/layer.tar": layer for number, layer in enumerate(layers)}
    image = {"Config": f"{digest(about)[7:]}.json", "RepoTags": [name], "Layers": [*places]}
    return {f"{digest(about)[7:]}.json": about, **places, "manifest.json": json.dumps([image]).encode()}


def oci_layout(*layers: bytes, name: str = "box", packed: bool = True) -> dict[str, bytes]:
    """The files of an OCI image layout of such an image. packed: whether its layers are gzip files."""
    blobs, about = [gzip.compress(layer) if packed else layer for layer in layers], config(layers)
    kind = "layer.v1.tar" + "+gzip" * packed
    manifest = json.dumps({"schemaVersion": 2, "config": descriptor(about, mediaType=f"{_MEDIA}.config.v1+json"),
                           "layers": [descriptor(blob, mediaType=f"{_MEDIA}.{kind}") for blob in blobs]}).encode()
    annotations = {"org.opencontainers.image.ref.name": name} if name else {}
    return layout([descriptor(manifest, mediaType=f"{_MEDIA}.manifest.v1+json", annotations=annotations)],
                  about, manifest, *blobs)


def layout(manifests: list[dict[str, Any]], *blobs: bytes) -> dict[str, bytes]:
    """The files of an OCI image layout with that index and those blobs."""
    index = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
    return {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": index,
            **{f"blobs/sha256/{digest(blob)[7:]}": blob for blob in blobs}}


def descriptor(data: bytes, **more: Any) -> dict[str, Any]:
    """What points to a blob."""
    return {"mediaType": "application/octet-stream", "digest": digest(data), "size": len(data), **more}


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar of files."""
    return tar(*(Item(name, data=data) for name, data in files.items()))


def lay_out(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write files below a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def unpack(archive: int | bytes, folder: Path) -> Path:
    """Unpack an open tar, or one in memory, by tar(1), which must have nothing to say of it."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["tar", "-xpC", str(folder)]
    if isinstance(archive, bytes):
        done = subprocess.run(words, capture_output=True, timeout=30, input=archive)
    else:
        done = subprocess.run(words, capture_output=True, timeout=30, stdin=archive)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return folder


def listing(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Everything below a folder: kind and permissions, owner, content or target, time, and its first hard link."""
    found, first = {}, dict[int, str]()
    for above, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            path = Path(above, name)
            at, shown = path.lstat(), str(path.relative_to(folder))
            found[shown] = (stat.filemode(at.st_mode), owner(at.st_uid, at.st_gid), _content(path), int(at.st_mtime))
            if not stat.S_ISDIR(at.st_mode):
                first[at.st_ino] = min(shown, first.get(at.st_ino, shown))
    return {path: (*about, first.get((folder / path).lstat().st_ino)) for path, about in found.items()}


def owner(uid: int, gid: int) -> tuple[int, int]:
    """Whose a file is that was unpacked as somebody's: another user than root can give none away."""
    return (uid, gid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def _content(path: Path) -> bytes | str:
    if path.is_symlink():
        return os.readlink(path)
    return path.read_bytes() if path.is_file() else ""  # a fifo has none, a folder neither


def members(archive: int) -> list[tarfile.TarInfo]:
    """The entries of an open tar."""
    with os.fdopen(os.dup(archive), "rb") as file:
        data = file.read()
    os.lseek(archive, 0, os.SEEK_SET)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as found:
        return found.getmembers()
