"""Tars of strangers: what is good comes through whole, what is not is refused, and nothing lands beside the root."""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
import tempfile
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import Refused
from runtime.oci.rootfs.sources import parse
from runtime.oci.tar.archive import vet, walk, write
from runtime.oci.tar.entries import Entry
from runtime.oci.tar.packing import unpacked
from runtime.oci.tar.streams import LIMITS, Limits, Unfit
from runtime.oci.tar.tree import Tree
from tests.tarballs import TYPES, Form, Item, docker_archive, entry, listing, members, owner, tar, tar_of, unpack

GOOD = (
    Item("bin", "folder"), Item("bin/busybox", data=b"#!" * 700, fields={"mode": 0o4755}),
    Item("bin/sh", "hard link", target="bin/busybox"), Item("bin/ash", "symlink", target="busybox"),
    Item("empty"), Item("etc", "folder", fields={"mode": 0o700, "uid": 12, "gid": 70000}),
    Item("etc/mtab", "symlink", target="/proc/mounts"), Item("lib", "symlink", target="usr/lib"),
    Item("usr", "folder"), Item("usr/lib", "folder"), Item("usr/lib/up", "symlink", target="../../etc"),
    Item("pipe", "fifo", fields={"mode": 0o600}), Item("größe 'x'\n\t\\", data=b"odd"),
    Item("/".join(["long" * 20] * 5), data=b"deep"), Item("x", "symlink", target="y" * 300),
    Item("tmp", "folder", fields={"mode": 0o1777, "mtime": 0}),
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Looked(NamedTuple):
    """What became of some tars. data: of all files.  to: the new tar, open at its start."""

    tree: Tree
    data: bytes
    to: int


def look_through(*layers: bytes, limits: Limits = LIMITS, pieces: int = 1 << 16) -> Looked:
    with tempfile.TemporaryFile(buffering=0) as data, tempfile.TemporaryFile(buffering=0) as to:
        tree = vet([_cut(layer, pieces) for layer in layers], data.fileno(), limits)
        write(tree, data.fileno(), to.fileno())
        to.seek(0)
        return Looked(tree, os.pread(data.fileno(), 16 << 20, 0), os.dup(to.fileno()))


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at:at + size] for at in range(0, len(data), size))


def vetted(tmp_path: Path, *layers: bytes, name: str = "root") -> dict[str, tuple[Any, ...]]:
    """What tar(1) makes of the new tar."""
    to = look_through(*layers).to
    try:
        return listing(unpack(to, tmp_path / name))
    finally:
        os.close(to)


def names(tmp_path: Path, *layers: bytes) -> list[str]:
    """The paths of it, those of folders with a slash at the end."""
    return sorted(path + "/" * about[0].startswith("d") for path, about in vetted(tmp_path, *layers).items())


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_is_good_comes_through_whole(form: Form, tmp_path: Path) -> None:
    """It is unpacked to the same as the first tar, with owners, times, and hard links."""
    archive = tar(*GOOD, form=form)
    expected = listing(unpack(archive, tmp_path / "expected"))
    got = vetted(tmp_path, archive)
    for path in ["/".join(["long" * 20] * number) for number in range(1, 5)]:  # of these the first tar tells nothing
        assert got.pop(path)[0] == expected.pop(path)[0] == "drwxr-xr-x"
    assert got == expected


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=posix"], ["--format=ustar"], ["--format=v7"],
                                     ["--format=gnu", "-S"], ["--format=posix", "-S"]], ids=" ".join)
def test_what_tar_writes_in_all_its_forms(options: list[str], tmp_path: Path) -> None:
    given = tmp_path / "given"
    (given / "a").mkdir(parents=True)
    (given / "a/file").write_bytes(os.urandom(3000))
    os.link(given / "a/file", given / "z")
    with (given / "a/holes").open("wb") as file:
        for number in range(60):  # more than a header has room for
            file.seek(number * 40_000)
            file.write(b"data" * number)
        file.truncate(4_000_000)
    archive = subprocess.run(["tar", *options, "-C", given, "-c", "."], capture_output=True, check=True).stdout
    got = vetted(tmp_path, archive)
    assert got == listing(given)


def test_folders_come_first_and_paths_are_plain() -> None:
    odd = tar(Item("./", "folder"), Item("./b//c/./d", data=b"1"), Item("b/a", "hard link", target="./b/c/d"),
              Item("./a/", "folder"), Item("b/e/f"))
    to = look_through(odd).to
    found = [(each.name, each.type, each.linkname) for each in members(to)]
    assert found == [("a", b"5", ""), ("b", b"5", ""), ("b/a", b"0", ""), ("b/c", b"5", ""), ("b/c/d", b"1", "b/a"),
                     ("b/e", b"5", ""), ("b/e/f", b"0", "")]
    assert {(each.uname, each.gname) for each in members(to)} == {("", "")}
    os.close(to)


@given(st.permutations([item for item in GOOD if item.kind != "hard link"]), st.integers(1, 2000))
@settings(max_examples=20, deadline=None)
def test_the_same_content_gives_the_same_bytes(items: list[Item], pieces: int) -> None:
    contents = set()
    for order, size in ((items, pieces), (GOOD[:2] + GOOD[3:], 1 << 16)):
        to = look_through(tar(*order), pieces=size).to
        contents.add(os.read(to, 1 << 20))
        os.close(to)
    assert len(contents) == 1


def test_busybox_keeps_its_hard_links(tmp_path: Path) -> None:
    links = [Item(f"bin/{number}", "hard link", target="bin/busybox") for number in range(300)]
    found = vetted(tmp_path, tar(Item("bin/busybox", data=b"x" * 1_000_000), *links))
    assert len({about[-1] for path, about in found.items() if path != "bin"}) == 1
    assert (tmp_path / "root/bin/7").stat().st_nlink == 301


LOWER = (Item("a", "folder"), Item("a/x", data=b"low"), Item("a/y", data=b"low"), Item("b", data=b"low"),
         Item("lib", "symlink", target="/usr/lib"), Item("usr/lib", "folder"), Item("usr/lib/old"))


@pytest.mark.parametrize(("upper", "expected"), [
    ((Item("a/.wh.x"),), "a/ a/y b lib usr/ usr/lib/ usr/lib/old"),
    ((Item(".wh.a"),), "b lib usr/ usr/lib/ usr/lib/old"),
    ((Item(".wh.nothing"), Item("none/.wh.x")), "a/ a/x a/y b lib usr/ usr/lib/ usr/lib/old"),
    ((Item("a", "folder"), Item("a/.wh..wh..opq"), Item("a/z")), "a/ a/z b lib usr/ usr/lib/ usr/lib/old"),
    ((Item("a/z"), Item("a/.wh..wh..opq")), "a/ a/z b lib usr/ usr/lib/ usr/lib/old"),
    ((Item("a/z"), Item(".wh.a")), "a/ a/z b lib usr/ usr/lib/ usr/lib/old"),
    ((Item(".wh.a"), Item("a/z")), "a/ a/z b lib usr/ usr/lib/ usr/lib/old"),
    ((Item("a/x"), Item("a/.wh.x")), "a/ a/x a/y b lib usr/ usr/lib/ usr/lib/old"),
    ((Item(".wh..wh..opq"), Item("n")), "n"),
    ((Item("a/s/z"), Item("a/.wh.s"), Item("a/.wh..wh..opq")), "a/ a/s/ a/s/z b lib usr/ usr/lib/ usr/lib/old"),
    ((Item("l", "hard link", target="b"), Item(".wh.b")), "a/ a/x a/y l lib usr/ usr/lib/ usr/lib/old"),
    ((Item("a"),), "a b lib usr/ usr/lib/ usr/lib/old"),
    ((Item("b", "folder"), Item("b/z")), "a/ a/x a/y b/ b/z lib usr/ usr/lib/ usr/lib/old"),
    ((Item("lib/new"),), "a/ a/x a/y b lib usr/ usr/lib/ usr/lib/new usr/lib/old"),
    ((Item("lib/.wh.old"),), "a/ a/x a/y b lib usr/ usr/lib/"),
    ((Item("lib", "folder"), Item("lib/new")), "a/ a/x a/y b lib/ lib/new usr/ usr/lib/ usr/lib/old"),
    ((Item("lib"),), "a/ a/x a/y b lib usr/ usr/lib/ usr/lib/old"),
    ((Item("up", "symlink", target="a/../usr"), Item("up/z")),
     "a/ a/x a/y b lib up usr/ usr/lib/ usr/lib/old usr/z"),
    ((Item("s", "symlink", target="/new/one"), Item("s/z")),
     "a/ a/x a/y b lib new/ new/one/ new/one/z s usr/ usr/lib/ usr/lib/old"),
    ((Item("s", "symlink", target="/../../a"), Item("s/z")), "a/ a/x a/y a/z b lib s usr/ usr/lib/ usr/lib/old"),
    ((Item(".wh..wh.plnk", "folder"), Item(".wh..wh.aufs")), "a/ a/x a/y b lib usr/ usr/lib/ usr/lib/old"),
], ids=lambda value: value.replace("usr/ usr/lib/ ", "") if isinstance(value, str) else None)
def test_layers_are_laid_upon_each_other(upper: tuple[Item, ...], expected: str, tmp_path: Path) -> None:
    assert names(tmp_path, tar(*LOWER), tar(*upper)) == expected.split()


def test_a_hard_link_outlives_what_it_was_made_of(tmp_path: Path) -> None:
    one, two = tar(Item("a", data=b"1"), Item("b", "hard link", target="a")), tar(Item("a", data=b"2"))
    assert vetted(tmp_path, one, two)["b"][2] == b"1"
    assert (tmp_path / "root/a").read_bytes() == b"2"
    assert (tmp_path / "root/b").stat().st_nlink == 1


def test_the_permissions_of_a_folder_are_those_of_the_last_layer(tmp_path: Path) -> None:
    one = tar(Item("a/x"), Item("a", "folder", fields={"mode": 0o700}))
    found = vetted(tmp_path, one, tar(Item("a", "folder", fields={"mode": 0o711})), tar(Item("a/y")))
    assert found["a"][0] == "drwx--x--x"


def pax(**records: str) -> bytes:
    """What stands before an entry, with any records."""
    text = b""
    for key, value in records.items():
        body = f" {key.replace('__', '.')}=".encode() + value.encode() + b"\n"
        length = len(body) + 1
        while len(f"{length}") + len(body) != length:
            length += 1
        text += f"{length}".encode() + body
    return entry(Item("pax", "x", data=text))


def spoiled(data: bytes, at: int, value: bytes) -> bytes:
    """A header with other bytes, and the checksum of those."""
    head = bytearray(data[:512])
    head[at:at + len(value)] = value
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + data[512:]


def deep(folders: int) -> str:
    return "/".join(["d"] * folders)


END = bytes(1024)
LARGE = b"\x80" + (1 << 50).to_bytes(11, "big")
V1 = {"GNU__sparse__major": "1", "GNU__sparse__minor": "0"}
HOSTILE: dict[str, tuple[bytes, str]] = {
    "absolute": (tar(Item("/etc/passwd")), "the entry '/etc/passwd' is an absolute path"),
    "absolute-pax": (pax(path="/etc/x") + tar(Item("x")), "the entry '/etc/x' is an absolute path"),
    "climbs": (tar(Item("../x")), "the entry '../x' leads out of its folder: it has '..'"),
    "climbs-later": (tar(Item("a/b/../../../x")), "the entry 'a/b/../../../x' leads out"),
    "climbs-at-the-end": (tar(Item("a", "folder"), Item("a/..", "folder")), "the entry 'a/..' leads out"),
    "climbs-long": (tar(Item("../" * 60 + "x")), "leads out of its folder"),
    "symlink-climbs": (tar(Item("a", "symlink", target="../x")), "'a' is a symlink to '../x', which leads out of the"),
    "symlink-climbs-deep": (tar(Item("a/b/c", "symlink", target="x/../../../../y")), "which leads out of the root"),
    "symlink-climbs-through-another": (
        tar(Item("d", "symlink", target="/"), Item("d/a", "symlink", target="../x")), "which leads out of the root"),
    "symlink-climbs-by-a-hard-link": (
        tar(Item("a/b/c", "symlink", target="../../x"), Item("d", "hard link", target="a/b/c")),
        "the entry 'd' is a symlink to '../../x', which leads out of the root"),
    "symlink-to-a-long-name": (tar(Item("a", "symlink", target="n" * 300), Item("a/x")), "longer than 255 bytes"),
    "symlink-empty": (tar(Item("a", "symlink")), "'a' is a symlink to '', which is no path"),
    "symlink-long": (tar(Item("a", "symlink", target="x/" * 3000)), "which is no path"),
    "symlink-nul": (pax(linkpath="a\0b") + tar(Item("a", "symlink", target="b")), r"to 'a\x00b', which is no path"),
    "symlink-not-utf8": (tar(Item("a", "symlink", target="\udcff")), r"to '\udcff', which is not UTF-8"),
    "hard-link-to-nothing": (tar(Item("a", "hard link", target="b")), "link to 'b', which is not in the archive"),
    "hard-link-ahead": (tar(Item("a", "hard link", target="b"), Item("b")), "which is not in the archive before it"),
    "hard-link-climbs": (tar(Item("a", "hard link", target="../../etc/passwd")), "'../../etc/passwd' leads out"),
    "hard-link-absolute": (tar(Item("a", "hard link", target="/etc/passwd")), "'/etc/passwd' is an absolute path"),
    "hard-link-to-a-folder": (tar(Item("b", "folder"), Item("a", "hard link", target="b")), "to the folder 'b'"),
    "hard-link-to-the-root": (tar(Item("a", "hard link", target=".")), "link to '.', which is not in the archive"),
    "hard-link-through-a-symlink": (tar(Item("s", "symlink", target="/etc"), Item("a", "hard link", target="s/passwd")),
                                    "a hard link to 's/passwd', which is not in the archive"),
    "character-device": (tar(Item("dev/null", "character")), "the entry 'dev/null' is a character device"),
    "block-device": (tar(Item("sda", "block")), "the entry 'sda' is a block device"),
    "unknown-type": (tar(Item("vol", "V")), "the entry 'vol' is of the unknown type 'V'"),
    "whiteout-of-the-folder-above": (tar(Item("a/.wh..."),), "the whiteout 'a/.wh...' names nothing that could"),
    "whiteout-of-nothing": (tar(Item(".wh."),), "the whiteout '.wh.' names nothing"),
    "in-a-whiteout": (tar(Item(".wh.a/b")), "the entry '.wh.a/b' is in a whiteout"),
    "nul": (pax(path="a\0b") + tar(Item("a")), r"the entry 'a\x00b' is no name: it has a NUL"),
    "no-name": (tar(Item("")), "the entry '' is no name: it is empty"),
    "the-root-is-a-file": (tar(Item(".", data=b"x")), "the entry '.' is the root, and a file"),
    "not-utf8": (tar(Item("\udcff")), r"the entry '\udcff' is not UTF-8"),
    "long-name": (tar(Item("n" * 256)), "is too long: a name has at most 255 bytes"),
    "long-name-of-few-letters": (tar(Item("ä" * 128)), "is too long"),
    "long-path": (tar(Item("/".join(["n" * 250] * 17))), "is too long"),
    "long-path-through-a-symlink": (
        tar(Item("s", "symlink", target="/".join(["n" * 250] * 15)), Item("/".join(("s", *["m" * 250] * 3)))),
        "its path longer than 4096 bytes"),
    "deep": (tar(Item(deep(101))), "is more than 100 folders deep"),
    "deep-folders": (tar(Item(f"{deep(150)}/", "folder")), "is more than 100 folders deep"),
    "deep-through-a-symlink": (tar(Item("s", "symlink", target=deep(60)), Item(f"s/{deep(60)}")), "100 folders deep"),
    "symlinks-in-a-circle": (tar(Item("a", "symlink", target="b"), Item("b", "symlink", target="a"), Item("a/x")),
                             "the way to 'a/x' leads through too many symlinks: they go round in a circle"),
    "symlink-to-itself": (tar(Item("a", "symlink", target="./a/"), Item("a/x")), "they go round in a circle"),
    "in-a-file": (tar(Item("a"), Item("a/b")), "the way to 'a/b' leads through 'a', which is a file"),
    "in-a-fifo": (tar(Item("a", "fifo"), Item("a/b")), "which is a fifo"),
    "too-large": (entry(Item("big", fields={"size": 600 << 20})) + END, "with 'big' its files have more than 512 MiB"),
    "absurd-size": (entry(Item("big", fields={"size": 2**62})) + END, "its files have more than 512 MiB"),
    "negative-size": (spoiled(tar(Item("a")), 124, b"\xff" * 12), "the entry 'a' has the size '-1'"),
    "negative-size-before": (spoiled(tar(Item("a", "L")), 124, b"\xff" * 12), "before an entry is -1 bytes long"),
    "size-of-many-digits": (pax(size="9" * 5000) + tar(Item("a")), "the entry 'a' has the size '9999999"),
    "size-of-no-digits": (pax(size="-5") + tar(Item("a")), "the entry 'a' has the size '-5'"),
    "uid": (tar(Item("a", fields={"uid": 2**32 - 1})), "the entry 'a' has the uid 4294967295, and there is none"),
    "gid": (spoiled(tar(Item("a")), 116, b"\xff" * 8), "the entry 'a' has the gid '-1'"),
    "huge-pax": (spoiled(entry(Item("p", "x")), 124, b"00040000001\0") + bytes(9 << 20), "an entry is 8388609 by"),
    "huge-long-name": (entry(Item("L", "L", fields={"size": 2 << 20})) + bytes(3 << 20), "before an entry is 2097152"),
    "pax-of-nothing": (pax(path="a") + END, "belongs to nothing"),
    "pax-without-length": (entry(Item("p", "x", data=b"path=x\n")) + tar(Item("a")), "no records of pax"),
    "pax-too-long": (entry(Item("p", "x", data=b"99 path=x\n")) + tar(Item("a")), "no records of pax"),
    "pax-of-length-0": (entry(Item("p", "x", data=b"0 path=x\n")) + tar(Item("a")), "no records of pax"),
    "pax-backwards": (entry(Item("p", "x", data=b"-5 path=x\n")) + tar(Item("a")), "no records of pax"),
    "sparse-bomb": (spoiled(entry(Item("s", "S")), 386, b"%011o\0%011o\0" % (8**11 - 1, 0) + bytes(73) + LARGE) + END,
                    "files have more than 512 MiB"),
    "sparse-of-an-old-kind": (pax(GNU__sparse__map="0,1") + tar(Item("a", data=b"x")), "old kind"),
    "sparse-too-many": (pax(**V1, GNU__sparse__realsize="9")
                        + tar(Item("a", data=b"99999\n" * 200)), "holes in a sparse file is damaged"),
    "sparse-overlap": (pax(**V1, GNU__sparse__realsize="900")
                       + tar(Item("a", data=b"2\n0\n4\n2\n4\n".ljust(512, b"\0") + b"x" * 8)), "is damaged"),
    "sparse-no-digits": (pax(**V1, GNU__sparse__realsize="900")
                         + tar(Item("a", data=b"x" * 1024)), "is damaged"),
    "sparse-huge": (pax(**V1, GNU__sparse__realsize=f"{1 << 40}")
                    + tar(Item("a", data=b"0\n".ljust(512, b"\0"))), "its files have more than 512 MiB"),
    "sparse-short": (pax(**V1, GNU__sparse__realsize="900")
                     + tar(Item("a", data=b"1\n0\n400\n".ljust(512, b"\0") + b"x" * 8)), "its pieces are not as long"),
    "no-tar": (b"hello" * 1000, "it is damaged, or no tar"),
    "empty": (b"", "it ends after 0 bytes, in the middle"),
    "a-web-page": (b"<html>".ljust(2048), "it is damaged, or no tar"),
    "checksum": (tar(Item("a"))[:3] + b"x" + tar(Item("a"))[4:], "bad checksum at 0"),
    "garbage-in-the-middle": (entry(Item("a")) + b"x" * 512 + tar(Item("b")), "no tar: invalid header at 512"),
    "without-end": (entry(Item("a")), "it ends after 512 bytes, in the middle"),
    "cut-in-the-data": (entry(Item("a", data=b"x" * 2000))[:1000], "in the middle: it is cut off or damaged"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_hostile_is_refused(kind: str, tmp_path: Path, cache: Path) -> None:
    """By the whole way that an image in a file goes."""
    data, says = HOSTILE[kind]
    before = {"canary": b"sings"}
    (tmp_path / "canary").write_bytes(b"sings")
    (tmp_path / "image.tar").write_bytes(tar_of(docker_archive(tar(Item("good")), data)))
    with pytest.raises(Refused) as caught:
        parse(f"docker-archive:{tmp_path}/image.tar").archive()
    assert caught.value.what == f"take the root file system of docker-archive:{tmp_path}/image.tar"
    assert says in caught.value.why
    assert caught.value.mend
    assert caught.value.why.isprintable()
    assert len(caught.value.why) < 600
    files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert files.keys() == {*before, "image.tar"}
    assert files["canary"] == b"sings"


def test_a_limit_of_entries() -> None:
    few = Limits(entries=100)
    look_through(tar(*(Item(f"{number}") for number in range(100))), limits=few)
    for items in ([Item(f"{number}") for number in range(101)], [Item("same")] * 101,
                  [Item(deep(60)), Item(f"e/{deep(60)}")], [Item(f".wh.{number}") for number in range(101)]):
        with pytest.raises(Unfit, match="it has more than 100 entries"):
            look_through(tar(*items), limits=few)
    with pytest.raises(Unfit, match="more than 100 entries"):
        look_through(*[tar(*(Item(f"{number}") for number in range(51)))] * 2, limits=few)


def test_the_limits_of_size_are_those_of_all_layers_together() -> None:
    layer = tar(Item("a", data=bytes(60 << 10)))
    small = Limits(entries=100, size=100 << 10)
    look_through(layer, limits=small)
    with pytest.raises(Unfit, match="its files have more than"):
        look_through(layer, layer, limits=small)
    padding = tar() + bytes(150 << 10)
    look_through(padding, limits=small)
    with pytest.raises(Unfit, match="it unpacks to more than"):
        look_through(padding, padding, limits=small)


def test_the_names_have_a_limit() -> None:
    with pytest.raises(Unfit, match="its names have more than 1 MiB"):
        look_through(tar(*(Item(f"{n}", "symlink", target="x" * 4000) for n in range(300))),
                     limits=Limits(text=1 << 20))


def endless(start: bytes, block: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield block


def _zip_bomb() -> Iterator[bytes]:
    """A block after Z_FULL_FLUSH needs nothing that stands before it (zlib.h), so it can be repeated."""
    packer = zlib.compressobj(9, wbits=31)
    start, block = (packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
                    for data in (entry(Item("a")) + bytes(512), bytes(1 << 20)))
    return endless(start, block * 64)


BOMBS: dict[str, tuple[Iterator[bytes], str]] = {
    "gzip": (unpacked(_zip_bomb()), "it unpacks to more than"),
    "zeros": (endless(entry(Item("a")), bytes(1 << 16)), "it unpacks to more than"),
    "entries": (endless(b"", entry(Item("a")) * 128), "it has more than 5000 entries"),
    "data": (endless(b"", entry(Item("a", data=bytes(1 << 20)))), "more than 512 MiB"),
    "pax": (endless(b"", pax(comment="x" * 65000)), "it unpacks to more than"),
    "sparse": (endless(spoiled(entry(Item("a", "S")), 482, b"\1"), b"00000000001\0" * 42 + b"\1" + bytes(7)),
               "a sparse file has more than 10000 pieces"),
    "holes": (endless(b"", spoiled(entry(Item("s", "S")), 386, bytes(97) + b"%011o\0" % (100 << 20))), "than 512 MiB"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_takes_neither_memory_nor_disk(kind: str) -> None:
    chunks, says = BOMBS[kind]
    with tempfile.TemporaryFile(buffering=0) as data:
        tracemalloc.start()
        try:
            with pytest.raises(Unfit, match=says):
                vet([chunks], data.fileno(), Limits(entries=5_000))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 << 20
        assert os.fstat(data.fileno()).st_size <= 512 << 20


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    (tmp_path / "cache").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path / "cache"], check=True)
    try:
        (tmp_path / "image.tar").write_bytes(tar_of(docker_archive(tar(Item("big", data=b"x" * 200_000)))))
        with pytest.raises(Refused, match="No space left") as caught:
            parse(f"docker-archive:{tmp_path}/image.tar").archive()
        assert caught.value.mend
    finally:
        subprocess.run(["umount", tmp_path / "cache"], check=True)


def test_a_tar_that_is_cut_off_is_refused_wherever_it_is_cut() -> None:
    whole = tar(*GOOD, form=tarfile.PAX_FORMAT)
    for length in range(0, len(whole) - 1024, 97):
        with pytest.raises(Unfit):
            look_through(whole[:length])
    look_through(whole[:-512])  # one empty block is an end as well


@given(st.lists(st.tuples(st.integers(0, 8191), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_tar_with_other_bytes_in_it_is_never_a_crash(changes: list[tuple[int, int]], repair: bool) -> None:
    data = bytearray(tar(*GOOD, form=tarfile.PAX_FORMAT))
    for at, value in changes:
        data[at] = value
        if repair:
            block = at // 512 * 512
            data[block:block + 512] = spoiled(bytes(data[block:block + 512]), 0, b"")
    try:
        to = look_through(bytes(data)).to
    except Unfit:
        return
    os.close(to)


ODD = st.lists(st.sampled_from(["a", "x", ".", "..", "", ".wh.a", ".wh.x", ".wh..wh..opq", "outside", "tmp"]),
               min_size=1, max_size=4).map("/".join)
FOLDERS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
LEAVES = st.builds("{}{}".format, st.one_of(st.just(""), FOLDERS.map("{}/".format)), st.sampled_from(["x", "y", "z"]))
WHITEOUTS = st.builds("{}/{}".format, FOLDERS, st.sampled_from([".wh.x", ".wh.a", ".wh.b", ".wh..wh..opq"]))
TARGETS = st.one_of(FOLDERS, FOLDERS.map("/{}".format), LEAVES, st.sampled_from(["/", "/tmp", "OUT"]),
                    st.sampled_from(["../outside", "..", "a/../.."]))
FIELDS = st.fixed_dictionaries({"mode": st.sampled_from([0o644, 0o755, 0, 0o4711]), "uid": st.integers(0, 3)})
DATA = st.binary(max_size=3)
USUAL = st.one_of(
    st.builds(Item, LEAVES, st.just("file"), DATA, fields=FIELDS),
    st.builds(Item, FOLDERS, st.just("folder"), fields=FIELDS),
    st.builds(Item, st.one_of(LEAVES, FOLDERS), st.just("symlink"), target=TARGETS, fields=FIELDS),
    st.builds(Item, LEAVES, st.just("hard link"), target=LEAVES, fields=FIELDS),
    st.builds(Item, WHITEOUTS, fields=FIELDS), st.builds(Item, LEAVES, st.just("fifo"), fields=FIELDS))
STRANGE = st.builds(Item, st.one_of(ODD, FOLDERS), st.sampled_from([*TYPES]), DATA, st.one_of(ODD, TARGETS), FIELDS)
ITEMS = st.integers(0, 30).flatmap(lambda number: USUAL if number else STRANGE)


def _possible(items: Sequence[Item]) -> list[Item]:
    """Most hard links lead to a file that stands before them."""
    files = [item.name for item in items if item.kind == "file"]
    return [item if item.kind != "hard link" or not files or len(item.target) == 1 else
            item._replace(target=files[len(item.target) % len(files)])
            for item in sorted(items, key=lambda item: item.kind == "hard link")]


def _sound(item: Item, outside: str) -> Item:
    """Data are of files alone, and the user may look at all. OUT: a folder that nothing may be written to."""
    mode = item.fields["mode"] | (0o700 if item.kind == "folder" else 0o400)
    return item._replace(data=item.data if item.kind == "file" else b"", target=item.target.replace("OUT", outside),
                         fields={**item.fields, "mode": mode})


@given(st.lists(st.lists(ITEMS, max_size=12).map(_possible), min_size=1, max_size=3))
@settings(max_examples=250, deadline=None)
def test_any_entries_are_refused_or_stay_in_the_root(layers: Sequence[Sequence[Item]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in ("outside", "tmp"):
            (folder / path).mkdir()
            (folder / path / "a").write_text("untouched")
        before = listing(folder)
        try:
            looked = look_through(*(tar(*(_sound(item, f"{name}/outside") for item in items)) for items in layers))
        except Unfit:
            return
        try:
            unpack(looked.to, folder / "root")
        finally:
            os.close(looked.to)
        assert listing(folder / "root") == expected_of(looked)
        assert {path: about for path, about in listing(folder).items() if path.split("/")[0] != "root"} == before


def expected_of(looked: Looked) -> dict[str, tuple[Any, ...]]:
    """What the tree says that tar(1) will have made."""
    found, first = dict(walk(looked.tree.root)), dict[int, str]()
    for path, each in found.items():
        first[id(each)] = min(path, first.get(id(each), path))
    return {path: _expected(each, looked.data, first[id(each)]) for path, each in found.items()}


def _expected(each: Entry, data: bytes, first: str) -> tuple[Any, ...]:
    kinds = {"file": stat.S_IFREG, "folder": stat.S_IFDIR, "symlink": stat.S_IFLNK, "fifo": stat.S_IFIFO}
    mode = 0o777 if each.kind == "symlink" else each.mode
    content = data[each.start:each.start + each.size] if each.kind == "file" else each.target
    return (stat.filemode(kinds[each.kind] | mode), owner(each.uid, each.gid), content, each.mtime,
            None if each.kind == "folder" else first)
