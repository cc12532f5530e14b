"""Images in files: OCI layouts and docker archives, as folders, tars and gzip files, and what is wrong with others."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import Refused
from runtime.oci.rootfs.sources import parse
from tests.tarballs import (
    Item,
    config,
    descriptor,
    digest,
    docker_archive,
    lay_out,
    layout,
    listing,
    oci_layout,
    tar,
    tar_of,
    unpack,
)

Files = dict[str, bytes]
LOWER = tar(Item("a", "folder"), Item("a/x", data=b"low"), Item("a/y", data=b"low"))
UPPER = tar(Item("a/.wh.x"), Item("a/z", data=b"up"))
TREE = ["a", "a/y", "a/z"]
OTHER = tar(Item("other"))
OURS = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def written(form: str, files: Files, folder: Path) -> Path:
    """A file or folder with an image. form: 'folder', 'tar', 'tar.gz', or 'dotted' for what `tar -c .` writes."""
    if form == "folder":
        return lay_out(files, folder / "image")
    folder.mkdir(exist_ok=True)
    data = tar_of({f"./{name}": content for name, content in files.items()} if form == "dotted" else files)
    (folder / "image").write_bytes(gzip.compress(data) if form == "tar.gz" else data)
    return folder / "image"


def tree(source: str, folder: Path) -> list[str]:
    """The paths of the root file system of a source."""
    fd = parse(source).archive()
    try:
        return sorted(listing(unpack(fd, folder / "root")))
    finally:
        os.close(fd)


def refusal(source: str) -> Refused:
    """What is said of a source that can't be had; there is always something to do next."""
    with pytest.raises(Refused) as caught:
        parse(source).archive()
    with pytest.raises(Refused) as as_image:
        parse(source).layout()
    assert as_image.value.why == caught.value.why
    assert caught.value.why.isprintable()
    assert caught.value.mend
    assert "PATH" not in caught.value.mend
    return caught.value


FORMS = {"oci": oci_layout, "docker-archive": docker_archive}
PLACES = [("oci", "folder"), ("oci", "tar"), ("oci", "tar.gz"), ("oci", "dotted"), ("docker-archive", "tar"),
          ("docker-archive", "tar.gz"), ("docker-archive", "dotted")]


@pytest.mark.parametrize(("kind", "form"), PLACES)
@pytest.mark.parametrize("reference", ["", ":box"])
def test_an_image_in_all_its_forms(kind: str, form: str, reference: str, tmp_path: Path) -> None:
    path = written(form, FORMS[kind](LOWER, UPPER), tmp_path)
    for _ in range(2):
        assert tree(f"{kind}:{path}{reference}", tmp_path) == TREE


def test_both_forms_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    descriptors = [parse(source).archive() for source in (
        f"oci:{written('folder', oci_layout(LOWER, UPPER), tmp_path)}",
        f"docker-archive:{written('tar', docker_archive(LOWER, UPPER), tmp_path / 'a')}")]
    one, two = (os.read(fd, 1 << 20) for fd in descriptors)
    assert one == two
    for fd in descriptors:
        assert not os.get_inheritable(fd)
        os.close(fd)


def test_layers_that_are_no_gzip_files_and_no_layers_at_all(tmp_path: Path) -> None:
    assert tree(f"oci:{written('folder', oci_layout(LOWER, UPPER, packed=False), tmp_path)}", tmp_path) == TREE
    assert tree(f"docker-archive:{written('tar', docker_archive(), tmp_path / 'cache')}", tmp_path / "empty") == []


def test_a_gzip_file_of_many_members_and_zeros_behind_them(tmp_path: Path) -> None:
    """As stargz writes them, and what is filled up for a tape."""
    blob = b"".join(gzip.compress(LOWER[at:at + 300]) for at in range(0, len(LOWER), 300)) + bytes(700)
    files = docker_archive(LOWER)
    files["0/layer.tar"] = blob
    assert tree(f"docker-archive:{written('tar', files, tmp_path)}", tmp_path) == ["a", "a/x", "a/y"]


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    os.close(parse(f"oci:{written('folder', oci_layout(LOWER, UPPER), tmp_path)}").archive(told.append))
    assert told == sorted(told)
    assert told[-1] == len(LOWER) + len(UPPER)


def test_a_layer_that_an_image_has_twice_is_a_link(tmp_path: Path) -> None:
    """As docker before 25 writes it: the second time as a symlink to the first."""
    files = docker_archive(LOWER, UPPER, LOWER)
    links = {"2/layer.tar": Item("2/layer.tar", "symlink", target="../0/layer.tar")}
    data = tar(*(links.get(name, Item(name, data=content)) for name, content in files.items()))
    (tmp_path / "image").write_bytes(data)
    assert tree(f"docker-archive:{tmp_path}/image", tmp_path) == ["a", "a/x", "a/y", "a/z"]


@pytest.mark.parametrize("target", ["../0/../2/layer.tar", "/etc/passwd", "../../../etc/passwd", "layer.tar"])
def test_a_layer_that_is_a_link_to_nothing(target: str, tmp_path: Path) -> None:
    files = docker_archive(LOWER, UPPER, LOWER)
    links = {"2/layer.tar": Item("2/layer.tar", "symlink", target=target)}
    (tmp_path / "image").write_bytes(tar(*(links.get(name, Item(name, data=data)) for name, data in files.items())))
    assert "its layer '2/layer.tar' is not there" in refusal(f"docker-archive:{tmp_path}/image").why


def blob(data: bytes) -> str:
    return f"blobs/sha256/{digest(data)[7:]}"


def changed(files: Files, name: str, data: bytes) -> Files:
    assert name in files
    return {**files, name: data}


def both() -> Files:
    """One tar is both."""
    image = {"Config": blob(config([LOWER, UPPER])), "RepoTags": ["box:latest"], "Layers": [blob(LOWER), blob(UPPER)]}
    return {**oci_layout(LOWER, UPPER, packed=False), "manifest.json": json.dumps([image]).encode()}


def test_what_docker_saves_since_25(tmp_path: Path) -> None:
    path = written("tar", both(), tmp_path)
    assert tree(f"oci:{path}", tmp_path) == tree(f"docker-archive:{path}", tmp_path / "2") == TREE


def test_a_blob_of_what_docker_saves_since_25_that_was_changed(tmp_path: Path) -> None:
    files = changed(both(), blob(UPPER), LOWER)
    said = refusal(f"docker-archive:{written('tar', files, tmp_path)}").why
    assert said.startswith(f"a blob has the digest {digest(LOWER)}, and has to have {digest(UPPER)}")


LAYER = "application/vnd.oci.image.layer.v1.tar"


def manifest_of(about: bytes, *blobs: bytes, kind: str = LAYER) -> bytes:
    return json.dumps({"schemaVersion": 2, "config": descriptor(about),
                       "layers": [descriptor(blob, mediaType=kind) for blob in blobs]}).encode()


def several(*layers: bytes, platforms: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> Files:
    """A layout of images of one layer each."""
    blobs: list[bytes] = []
    index = []
    for number, layer in enumerate(layers):
        about = config([layer], number=number)
        manifest = manifest_of(about, layer)
        more: dict[str, Any] = {}
        if platforms:
            more["platform"] = dict(zip(("os", "architecture"), platforms[number].split("/"), strict=True))
        if names:
            more["annotations"] = {"org.opencontainers.image.ref.name": names[number]}
        index.append(descriptor(manifest, **more))
        blobs += [about, layer, manifest]
    return layout(index, *blobs)


def test_an_index_is_for_several_architectures(tmp_path: Path) -> None:
    files = several(OTHER, LOWER, platforms=("linux/m68k", f"linux/{OURS}"))
    assert "a" in tree(f"oci:{written('folder', files, tmp_path)}", tmp_path)
    nested = {**files, **layout([descriptor(files["index.json"])], files["index.json"])}
    assert "a" in tree(f"oci:{written('tar', nested, tmp_path / 'cache')}", tmp_path / "2")


def test_an_index_without_this_machine(tmp_path: Path) -> None:
    files = several(OTHER, LOWER, platforms=("linux/m68k", f"windows/{OURS}"))
    said = refusal(f"oci:{written('folder', files, tmp_path)}")
    assert said.why == f"it is an image for 'linux/m68k', 'windows/{OURS}', and this machine is linux/{OURS}"


def test_what_buildkit_says_of_an_image_is_no_image(tmp_path: Path) -> None:
    files = several(LOWER, OTHER, platforms=(f"linux/{OURS}", "unknown/unknown"))
    index = json.loads(files["index.json"])
    index["manifests"][1]["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    files["index.json"] = json.dumps(index).encode()
    assert "a" in tree(f"oci:{written('folder', files, tmp_path)}", tmp_path)


def test_one_of_several_images_has_to_be_named(tmp_path: Path) -> None:
    path = written("folder", several(OTHER, LOWER, names=("one", "two")), tmp_path)
    assert tree(f"oci:{path}:one", tmp_path) == ["other"]
    said = refusal(f"oci:{path}")
    assert (said.why, said.mend) == ("it has several images: 'one', 'two'", f"ask for one of them: oci:{path}:NAME")
    said = refusal(f"oci:{path}:three")
    assert (said.why, said.mend) == ("it has no image 'three'", "it has 'one', 'two'")


def test_one_of_several_saved_images_has_to_be_named(tmp_path: Path) -> None:
    one, two = docker_archive(OTHER, name="one:1"), docker_archive(LOWER, name="two:latest")
    two = {name.replace("0/layer", "1/layer"): data.replace(b"0/layer", b"1/layer") for name, data in two.items()}
    both = json.dumps(json.loads(one["manifest.json"]) + json.loads(two["manifest.json"])).encode()
    path = written("tar", {**one, **two, "manifest.json": both}, tmp_path)
    assert tree(f"docker-archive:{path}:one:1", tmp_path) == ["other"]
    assert "a" in tree(f"docker-archive:{path}:two", tmp_path / "2")
    said = refusal(f"docker-archive:{path}")
    assert said.why == "it has several images: 'one:1', 'two:latest'"
    assert said.mend == f"ask for one of them: docker-archive:{path}:NAME"
    said = refusal(f"docker-archive:{path}:one")
    assert (said.why, said.mend) == ("it has no image 'one'", "it has 'one:1', 'two:latest'")


def _one(layer: bytes, about: bytes, blob_: bytes, **more: Any) -> Files:
    """A layout of one image of one layer. blob_: what is in its file."""
    manifest = manifest_of(about, blob_, **more)
    return layout([descriptor(manifest)], about, manifest, blob_)


MANIFEST = manifest_of(config([LOWER]), LOWER)
GOOD = _one(LOWER, config([LOWER]), LOWER)
SAVED = docker_archive(LOWER)
SAVED_CONFIG = f"{digest(config([LOWER]))[7:]}.json"
NESTED = b"[" * 200_000
EVIL = "sha256:../../../etc/passwd"

WRONG: dict[str, tuple[str, Files, str]] = {
    "a-changed-layer": ("oci", changed(GOOD, blob(LOWER), UPPER + bytes(len(LOWER) - len(UPPER))),
                        f"has to have {digest(LOWER)}: it was changed or is damaged"),
    "a-longer-layer": ("oci", changed(GOOD, blob(LOWER), LOWER + b"\0"),
                       f"the blob {digest(LOWER)} has {len(LOWER) + 1} bytes, and has to have {len(LOWER)}"),
    "no-layer": ("oci", {name: data for name, data in GOOD.items() if data != LOWER}, f"{digest(LOWER)} is not there"),
    "a-changed-config": ("oci", changed(GOOD, blob(config([LOWER])), config([UPPER])),
                         f"a blob has the digest {digest(config([UPPER]))}, and has to have {digest(config([LOWER]))}"),
    "a-changed-manifest": ("oci", changed(GOOD, blob(MANIFEST), MANIFEST.replace(b"2", b"3", 1)),
                           f"has to have {digest(MANIFEST)}"),
    "another-diff-id": ("oci", _one(LOWER, config([UPPER]), LOWER),
                        f"layer 1 of 1 has the digest {digest(LOWER)}, and has to have {digest(UPPER)}"),
    "zeros-behind-the-layer": ("oci", _one(LOWER, config([LOWER]), LOWER + bytes(512)), "layer 1 of 1 has the digest"),
    "more-diff-ids": ("oci", _one(LOWER, config([LOWER, UPPER]), LOWER), "it has 1 layers, and its config names 2"),
    "a-layer-of-zstd": ("oci", _one(LOWER, config([LOWER]), b"\x28\xb5\x2f\xfd" + LOWER), "it is compressed with zstd"),
    "a-layer-called-zstd": ("oci", _one(LOWER, config([LOWER]), LOWER, kind=f"{LAYER}+zstd"),
                            f"is a '{LAYER}+zstd', and labrun unpacks gzip only"),
    "a-layer-of-xz": ("oci", _one(LOWER, config([LOWER]), b"\xfd7zXZ" + LOWER), "it is compressed with xz"),
    "gzip-cut-off": ("oci", _one(LOWER, config([LOWER]), gzip.compress(LOWER)[:-9]), "its gzip ends in the middle"),
    "gzip-damaged": ("oci", _one(LOWER, config([LOWER]), gzip.compress(LOWER)[:-8] + bytes(8)), "its gzip is damaged"),
    "garbage-behind-gzip": ("oci", _one(LOWER, config([LOWER]), gzip.compress(LOWER) + b"xxxxx"), "gzip is damaged"),
    "a-chart": ("oci", _one(LOWER, b'{"name": "chart"}', LOWER), "its config has no 'rootfs'"),
    "a-config-that-is-a-list": ("oci", _one(LOWER, b"[]", LOWER), "its config has to be an object"),
    "a-digest-with-a-way-out": ("oci", layout([{"digest": EVIL, "size": 1}]), f"'{EVIL}' is no digest"),
    "a-diff-id-with-a-way-out": (
        "oci", _one(LOWER, config([LOWER]).replace(digest(LOWER).encode(), EVIL.encode()), LOWER),
        f"'{EVIL}' is no digest"),
    "another-algorithm": ("oci", layout([{"digest": "sha512:" + "0" * 128, "size": 1}]), "is no digest: that is"),
    "capital-letters": ("oci", layout([{"digest": "sha256:" + "A" * 64, "size": 1}]), "is no digest"),
    "a-newline": ("oci", layout([{"digest": digest(b"") + "\n", "size": 0}]), "is no digest"),
    "a-size-that-is-a-text": ("oci", layout([{"digest": digest(b""), "size": "0"}]), "'size' in each of 'manifests'"),
    "a-size-that-is-true": ("oci", layout([{"digest": digest(b""), "size": True}]), "has to be a number"),
    "manifests-that-are-no-list": ("oci", changed(GOOD, "index.json", b'{"manifests": {}}'), "has to be a list"),
    "manifests-of-texts": ("oci", changed(GOOD, "index.json", b'{"manifests": ["x"]}'), "has to be an object"),
    "an-index-of-nothing": ("oci", changed(GOOD, "index.json", b'{"manifests": []}'), "it has no image"),
    "an-index-that-is-a-number": ("oci", changed(GOOD, "index.json", b"7"), "has to be an object"),
    "no-json": ("oci", changed(GOOD, "index.json", b"{"), "its file index.json is no JSON that could be read"),
    "no-utf8": ("oci", changed(GOOD, "index.json", b'"\xff"'), "is no JSON that could be read"),
    "nested-json": ("oci", changed(GOOD, "index.json", NESTED), "is no JSON that could be read"),
    "a-number-of-many-digits": ("oci", changed(GOOD, "index.json", b"9" * 9999), "is no JSON that could be read"),
    "huge-json": ("oci", changed(GOOD, "index.json", b" " * (1 << 20) + b"{}"), "bytes, and 1048576 are allowed"),
    "no-index": ("oci", {"oci-layout": GOOD["oci-layout"]}, "it has no file index.json"),
    "no-layout": ("oci", {"index.json": GOOD["index.json"]}, "it has no file oci-layout"),
    "another-version": ("oci", changed(GOOD, "oci-layout", b'{"imageLayoutVersion": "2.0"}'), "of the version '2.0'"),
    "a-manifest-that-is-a-list": ("oci", layout([descriptor(b"[]")], b"[]"), "its manifest has to be an object"),
    "a-manifest-without-layers": ("oci", layout([descriptor(b'{"config": {"digest": "", "size": 0}}')],
                                                b'{"config": {"digest": "", "size": 0}}'), "has no 'layers'"),
    "too-many-layers": ("docker-archive", docker_archive(*[LOWER] * 129), "it has 129 layers, and 128 are allowed"),
    "a-saved-layer-that-was-changed": ("docker-archive", changed(SAVED, "0/layer.tar", UPPER),
                                       f"the digest {digest(UPPER)}, and has to have {digest(LOWER)}"),
    "a-saved-config-that-was-changed": ("docker-archive", changed(SAVED, SAVED_CONFIG, config([UPPER])),
                                        f"its config has the digest {digest(config([UPPER]))}, and has to have"),
    "a-saved-layer-that-is-gone": ("docker-archive", {name: data for name, data in SAVED.items() if data != LOWER},
                                   "its layer '0/layer.tar' is not there"),
    "a-layer-with-a-way-out": (
        "docker-archive",
        changed(SAVED, "manifest.json", SAVED["manifest.json"].replace(b"0/layer.tar", b"../../etc/passwd")),
        "its layer '../../etc/passwd' is not there"),
    "a-config-with-a-way-out": ("docker-archive", changed(SAVED, "manifest.json", b'[{"Config": "/etc/passwd"}]'),
                                "it has no file '/etc/passwd'"),
    "no-manifest": ("docker-archive", {"x": b""}, "it is not what `docker save` writes: it has no file manifest.json"),
    "a-manifest-of-texts": ("docker-archive", changed(SAVED, "manifest.json", b'["x"]'), "has to be an object"),
    "an-empty-manifest": ("docker-archive", changed(SAVED, "manifest.json", b"[]"), "it has no image"),
    "layers-that-are-numbers": ("docker-archive", changed(SAVED, "manifest.json", b'[{"Config": "%s", "Layers": [1]}]'
                                                          % SAVED_CONFIG.encode()), "has to be a text"),
    "names-that-are-a-text": ("docker-archive", changed(SAVED, "manifest.json", b'[{"RepoTags": "x"}]'), "be a list"),
    "half-a-letter": ("docker-archive", changed(SAVED, "manifest.json", b'[{"Config": "\\ud800"}]'), r"'\ud800'"),
}


@pytest.mark.parametrize("form", ["folder", "tar"])
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_told(kind: str, form: str, tmp_path: Path) -> None:
    source, files, says = WRONG[kind]
    if source == "docker-archive" and form == "folder":
        form = "tar.gz"
    said = refusal(f"{source}:{written(form, files, tmp_path)}")
    assert says in said.why
    assert "Traceback" not in str(said)


def test_indexes_that_point_to_indexes_have_an_end(tmp_path: Path) -> None:
    index, blobs = MANIFEST, [MANIFEST]
    for _ in range(9):
        index = json.dumps({"manifests": [descriptor(index)]}).encode()
        blobs.append(index)
    path = written("folder", layout([descriptor(index)], *blobs), tmp_path)
    assert "more than 4 indexes" in refusal(f"oci:{path}").why


def test_each_says_when_it_is_the_other(tmp_path: Path) -> None:
    path = written("tar", SAVED, tmp_path)
    assert refusal(f"oci:{path}").mend == f"it is what `docker save` writes: ask for docker-archive:{path}"
    path = written("tar", GOOD, tmp_path)
    assert refusal(f"docker-archive:{path}").mend == f"it is an OCI image layout: ask for oci:{path}"


def _a_fifo_for_a_blob(folder: Path) -> str:
    lay_out(GOOD, folder / "image")
    (folder / "image" / blob(LOWER)).unlink()
    os.mkfifo(folder / "image" / blob(LOWER))
    return f"oci:{folder}/image"


def _a_link_for_the_index(folder: Path) -> str:
    lay_out(GOOD, folder / "image")
    (folder / "image/index.json").unlink()
    (folder / "image/index.json").symlink_to("/etc/passwd")
    return f"oci:{folder}/image"


def _a_fifo(folder: Path) -> str:
    os.mkfifo(folder / "image")
    return f"docker-archive:{folder}/image"


def _a_file_that_is_no_image(folder: Path) -> str:
    (folder / "image").write_text("hello" * 1000)
    return f"docker-archive:{folder}/image"


def _many_files(folder: Path) -> str:
    (folder / "image").write_bytes(tar(*(Item(f"{number}") for number in range(10_001))))
    return f"oci:{folder}/image"


def _a_sparse_tar(folder: Path) -> str:
    (folder / "image").write_bytes(tar(Item("s", "S")))
    return f"oci:{folder}/image"


def _a_packed_bomb(folder: Path) -> str:
    """800 MiB in 800 KiB: 1 MiB of zeros, again and again."""
    (folder / "image").write_bytes(gzip.compress(tar(Item("a"))) + gzip.compress(bytes(1 << 20)) * 800)
    return f"docker-archive:{folder}/image"


@pytest.mark.parametrize(("make", "says"), [
    (lambda folder: f"oci:{folder}/none", "No such file or directory (ENOENT)"),
    (lambda folder: f"docker-archive:{folder}", "it is a folder"),
    (lambda _: "oci:/dev/null", "it is no file that could be read"), (_a_fifo, "it is no file that could be read"),
    (_a_fifo_for_a_blob, "is not there"), (_a_link_for_the_index, "it has no file index.json"),
    (_a_file_that_is_no_image, "it is damaged, or no tar"), (_many_files, "more than 10000 files"),
    (_a_packed_bomb, "it unpacks to more than 707 MiB"), (_a_sparse_tar, "its file 's' is sparse"),
])
def test_places_that_are_no_image(make: Callable[[Path], str], says: str, tmp_path: Path) -> None:
    assert says in refusal(make(tmp_path)).why
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_file_may_change_between_two_runs(tmp_path: Path) -> None:
    path = written("tar", docker_archive(LOWER), tmp_path)
    assert "a" in tree(f"docker-archive:{path}", tmp_path)
    written("tar", docker_archive(OTHER), tmp_path)
    assert tree(f"docker-archive:{path}", tmp_path / "2") == ["other"]


def test_what_is_kept_needs_no_layer(tmp_path: Path) -> None:
    """An image is what its config says: with the same config the layers need not be read again."""
    path = written("folder", GOOD, tmp_path)
    assert "a" in tree(f"oci:{path}", tmp_path)
    (path / blob(LOWER)).unlink()
    assert "a" in tree(f"oci:{path}", tmp_path / "2")


KEYS = st.sampled_from(["manifests", "digest", "size", "config", "layers", "rootfs", "diff_ids", "annotations",
                        "platform", "mediaType", "Config", "Layers", "RepoTags", "imageLayoutVersion"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just(digest(MANIFEST)))
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner))


@given(JSON, st.sampled_from([("oci", "index.json"), ("oci", "oci-layout"), ("docker-archive", "manifest.json")]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_refused_and_never_a_crash(tmp_path: Path, value: object, place: tuple[str, str]) -> None:
    kind, name = place
    files = changed({"oci": GOOD, "docker-archive": SAVED}[kind], name, json.dumps(value).encode())
    refusal(f"{kind}:{written('tar', files, tmp_path)}")


@given(JSON, st.sampled_from(["manifest", "config"]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_in_a_blob_too(tmp_path: Path, value: object, place: str) -> None:
    data = json.dumps(value).encode()
    files = layout([descriptor(data)], data) if place == "manifest" else _one(LOWER, data, LOWER)
    refusal(f"oci:{written('tar', files, tmp_path)}")


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    paths = [f"oci:{written('folder', GOOD, tmp_path)}", f"oci:{written('tar.gz', GOOD, tmp_path / 'cache')}",
             f"oci:{tmp_path}/none"]
    before = len(os.listdir("/proc/self/fd"))
    for path in paths[:2]:
        os.close(parse(path).archive())
    refusal(paths[2])
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(("text", "says"), [
    ("", "is no source of a root file system; there are machine, docker-daemon:IMAGE"), ("docker", "is no source"),
    ("docker:busybox", "is no source"), ("machine:", "is no source"), ("docker-daemon:", "names no image"),
    ("docker-daemon:-v", "names no image"), ("podman:--rm", "names no image"), ("podman:a b", "names no image"),
    ("oci:image", "has to have an absolute path: oci:/images/image"), ("docker-archive:", "to have an absolute path"),
    ("oci:/a:", "has no name of an image after the second ':'"), ("oci:/a\0b", "has a letter that cannot be seen"),
    ("podman:a\nb", "has a letter that cannot be seen"),
])
def test_what_is_no_source(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse(text)


@pytest.mark.parametrize(("text", "options", "command"), [
    ("docker-daemon:busybox", "", "mkdir -p /r && docker export $(docker create busybox) | tar -xC /r"),
    ("podman:a;b", "--no-same-owner",
     "mkdir -p /r && podman export $(podman create 'a;b') | tar --no-same-owner -xC /r"),
    ("docker-archive:/~", "",
     "mkdir -p /r && docker export $(docker create $(docker load --input '/~' --quiet | sed 's/.*: //')) | tar -xC /r"),
    ("docker-archive:/i.tar:box:1", "",
     "docker load --input /i.tar && mkdir -p /r && docker export $(docker create box:1) | tar -xC /r"),
    ("oci:/i:box", "",
     "mkdir -p /r && podman export $(podman create $(podman pull --quiet oci:/i:box)) | tar -xC /r"),
])
def test_the_command_of_a_source(text: str, options: str, command: str) -> None:
    assert parse(text).command("/r", options) == command


def test_the_machine_has_no_archive() -> None:
    source = parse("machine")
    assert source
    assert "busybox" in source.command("/r") or "ldd" in source.command("/r")
    assert refusal("machine").mend == source.command("FOLDER")
