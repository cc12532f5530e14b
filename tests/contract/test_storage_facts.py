"""What is read of images, layers, overlays and folders, against the tools that show the same; and of hostile ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from labrunner.actions.commit_layer import CommitLayer
from labrunner.actions.import_image import ImportImage
from labrunner.actions.overlay_mount import OverlayMount
from labrunner.actions.write_image import WriteImage
from runtime.facts import digests, layouts
from runtime.facts.overlays import of_line
from runtime.facts.storage import Layer, LayerPlace, Layout, Overlay, Storage, Wanted
from runtime.facts.storage_reader import StorageReader
from tests.conftest import Lab

InSandbox = Callable[..., Any]
S = "/tmp/store"
ID_MAPS = ["rootmap", "single"] if os.geteuid() == 0 else ["single"]
UPPER = LayerPlace(folder="/tmp/a/upper")


def read(lab: Lab, *layers: LayerPlace, layouts: tuple[str, ...] = (), disk: tuple[str, ...] = ()) -> Storage:
    wanted = Wanted(layouts, layers, overlays=True, disk=disk)
    return StorageReader(lab.sandbox.root, lab.sandbox.proc, wanted).read()


def build(lab: Lab) -> None:
    """An image with a layer of its own on top of a base."""
    ImportImage(to=S, name="base").apply(lab.host)
    lab.shell(f"mkdir /tmp/l1 && tar -xf {S}/blobs/sha256/$(ls -S {S}/blobs/sha256 | head -n 1) -C /tmp/l1")
    OverlayMount(at="/tmp/a/m", lower=["/tmp/l1"], upper="/tmp/a/upper", work="/tmp/a/work").apply(lab.host)
    lab.shell("cd /tmp/a/m && rm -r bin/vi root && mkdir root etc/x && echo hi > root/hi && ln -s hi root/link && "
              "ln root/hi etc/x/same && mkfifo etc/fifo")
    CommitLayer(upper="/tmp/a/upper", store=S, image="base", name="app", created_by="RUN").apply(lab.host)
    WriteImage(store=S, image="app", name="app", cmd=["sh"], created_by="CMD sh").apply(lab.host)


def _digests(lab: Lab) -> tuple[list[str], list[str]]:
    """Those of an image's parts, as they are read and as the tools compute them."""
    build(lab)
    app = read(lab, layouts=(S,)).image(S, "app")
    assert app
    assert app.config
    found = [app.manifest.found, app.config.found, *(layer.blob.found for layer in app.layers),
             *(layer.unpacked for layer in app.layers), *(layer.diff_id for layer in app.layers)]
    blob = f"{S}/blobs/$(jq -r {{}} | tr : /)"
    manifest = blob.format(f"'.manifests[] | select(.annotations[] == \"app\").digest' {S}/index.json")
    config = blob.format(f".config.digest {manifest}")
    layers = [blob.format(f"'.layers[{n}].digest' {manifest}") for n in range(2)]
    commands = [f"sha256sum < {path}" for path in (manifest, config, *layers)]
    commands += [f"zcat {path} | sha256sum" for path in layers]
    commands += [f"jq -r '.rootfs.diff_ids[{n}]' {config} | cut -c 8-" for n in range(2)]
    return found, [f"sha256:{lab.shell(command).split()[0]}" for command in commands]


@pytest.mark.parametrize("id_map", ID_MAPS)
def test_digests_are_what_sha256sum_says(in_sandbox: InSandbox, id_map: str) -> None:
    found, computed = in_sandbox(_digests, id_map=id_map)
    assert found == computed
    assert len(found) == 8


def _layers(lab: Lab) -> tuple[Storage, list[str]]:
    build(lab)
    storage = read(lab, UPPER, LayerPlace(store=S, image="app", number=2), LayerPlace(store=S, image="app", number=3))
    return storage, lab.shell("cd /tmp/a/upper && find . ! -type d ! -type c -printf '/%P\n' | sort").split()


@pytest.mark.parametrize("id_map", ID_MAPS)
def test_an_upper_folder_and_its_layer_show_the_same(in_sandbox: InSandbox, id_map: str) -> None:
    storage, files = in_sandbox(_layers, id_map=id_map)
    upper, packed = storage.layers  # and there is no third
    assert list(upper.files) == files == ["/etc/fifo", "/etc/x/same", "/root/hi", "/root/link"]
    assert (upper.whiteouts, upper.opaque, upper.problem) == (("/bin/vi",), ("/root",), "")
    assert packed._replace(place=upper.place) == upper


def _overlays(lab: Lab) -> tuple[Storage, str]:
    build(lab)
    lab.shell("mkdir -p '/tmp/a b/m' /tmp/l2")
    OverlayMount(at="/tmp/a b/m", lower=["/tmp/l2", "/tmp/l1"]).apply(lab.host)
    return read(lab), lab.shell("findmnt --noheadings --raw --types overlay --source overlay --output TARGET")


def test_overlays_are_what_findmnt_says(in_sandbox: InSandbox) -> None:
    storage, listed = in_sandbox(_overlays)
    assert [each.at.replace(" ", "\\x20") for each in storage.overlays] == listed.split()
    assert storage.overlays == (Overlay("/tmp/a/m", ("/tmp/l1",), "/tmp/a/upper", "/tmp/a/work"),
                                Overlay("/tmp/a b/m", ("/tmp/l2", "/tmp/l1")))


def test_a_line_of_mountinfo() -> None:
    line = r"1 2 0:1 / /m\040n rw - overlay overlay rw,lowerdir=/a\072b\:c:/d,upperdir=/u\054v,workdir=/w,userxattr"
    assert of_line(line.replace(r"\072", "")) == Overlay("/m n", ("/ab:c", "/d"), "/u,v", "/w")
    assert of_line("1 2 0:1 / /tmp rw,nosuid - tmpfs tmpfs rw,size=1k") is None


def _room(lab: Lab) -> tuple[list[int], list[int]]:
    build(lab)
    lab.shell("mkdir /tmp/d && head -c 10000 /dev/zero > /tmp/d/one && ln /tmp/d/one /tmp/d/two && ln -s /etc /tmp/d/l")
    folders = (S, "/tmp/d", "/tmp/l1")
    found = read(lab, disk=(*folders, "/tmp/none")).disk
    return [each.size for each in found], [int(lab.shell(f"du -sB1 {folder}").split()[0]) for folder in folders]


def test_room_is_what_du_says(in_sandbox: InSandbox) -> None:
    found, by_du = in_sandbox(_room)
    assert found == by_du
    assert len(found) == 3


def _counted(lab: Lab) -> list[int]:
    """How many files are read: first, again, and when one byte has changed."""
    build(lab)
    reads = 0

    def counting(*given: Any) -> Any:
        nonlocal reads
        reads += 1
        return real(*given)

    real, vars(digests)["digests_of"] = digests.digests_of, counting
    vars(layouts)["digests_of"] = counting
    reader = StorageReader(lab.sandbox.root, lab.sandbox.proc, Wanted(layouts=(S,)))
    found, intact = [], []
    for change in ("true", "true", f"sed -i s/linux/Linux/ {S}/blobs/sha256/* 2> /dev/null || true"):
        lab.shell(change)
        before = reads
        [layout] = reader.read().layouts
        found.append(reads - before)
        intact.append(all(image.intact for image in layout.images))
    assert intact == [True, True, False]
    return found


def test_what_has_not_changed_is_not_read_again(in_sandbox: InSandbox) -> None:
    first, again, changed = in_sandbox(_counted)
    assert first == 6  # two manifests, two configs, two layers
    assert again == 0
    assert changed > 0


MANIFEST = f"{S}/blobs/sha256/$(jq -r '.manifests[0].digest' {S}/index.json | cut -c 8-)"


def _with_manifest(document: str) -> str:
    """Replace the manifest by another document, and name it by its digest."""
    return (f"cd {S} && echo '{document}' > new && d=$(sha256sum < new | cut -c -64) s=$(stat -c %s new) && "
            f"mv new blobs/sha256/$d && jq --arg d sha256:$d --argjson s $s "
            "'.manifests[0].digest = $d | .manifests[0].size = $s' index.json > new && mv new index.json")


HOSTILE = [
    (f"echo '{{' > {S}/index.json", "no JSON that could be read"),
    (f"echo '[]' > {S}/index.json", "has to be an object"),
    (f"echo '{{\"manifests\": [7]}}' > {S}/index.json", "has to be an object"),
    (f"rm {S}/index.json && mkfifo {S}/index.json", "it has no file index.json"),
    (f"ln -sf /etc/passwd {S}/index.json", "it has no file index.json"),
    (f"head -c 2M /dev/zero > {S}/index.json", "and 1048576 are allowed"),
    (f"sed -i 's|sha256:|sha256:../|' {S}/index.json", "is no digest"),
    (f"jq '.manifests[0].size = \"x\"' {S}/index.json > /tmp/new && mv /tmp/new {S}/index.json", "has to be a number"),
    (_with_manifest("[]"), "has to be an object"),
    (_with_manifest('{"manifests": []}'), "it is an index of other images"),
    (_with_manifest('{"config": 7, "layers": []}'), "has to be an object"),
    (_with_manifest('{"layers": []}'), "has no 'config'"),
    (f"rm {MANIFEST}", "its manifest is missing"),
    (f"ln -sf /etc/passwd {MANIFEST}", "its manifest is missing"),
]


def _hostile(lab: Lab, change: str) -> Layout:
    ImportImage(to=S, name="base").apply(lab.host)
    lab.shell(change)
    [layout] = read(lab, LayerPlace(store=S, image="base", number=1), layouts=(S,)).layouts
    return layout


@pytest.mark.parametrize(("change", "says"), HOSTILE)
def test_what_is_hostile_is_told_and_does_no_harm(in_sandbox: InSandbox, change: str, says: str) -> None:
    layout = in_sandbox(_hostile, change)
    assert says in (layout.problem or layout.images[0].problem)
    assert not any(image.intact for image in layout.images)


def _cut(lab: Lab, change: str) -> tuple[bool, str, Layer]:
    ImportImage(to=S, name="base").apply(lab.host)
    lab.shell(f"cd {S}/blobs/sha256 && layer=$(ls -S | head -n 1) && {change}")
    place = LayerPlace(store=S, image="base", number=1)
    storage = read(lab, place, layouts=(S,))
    base, layer = storage.image(S, "base"), storage.layer(place)
    assert base
    assert layer
    return base.intact, base.layers[0].unpacked, layer


@pytest.mark.parametrize(("change", "says"), [
    ("truncate -s 1000 $layer", "its gzip ends in the middle"), ("echo rubbish > $layer", "it ends after 8 bytes"),
    ("printf x | dd of=$layer bs=1 seek=5000 conv=notrunc status=none", ""),
    (": > $layer", "it ends after 0 bytes")])
def test_a_damaged_layer(in_sandbox: InSandbox, change: str, says: str) -> None:
    intact, unpacked, layer = in_sandbox(_cut, change)
    assert not intact
    assert says in layer.problem
    assert layer.problem or unpacked != ""


def test_nothing_is_nothing(in_sandbox: InSandbox) -> None:
    layer = LayerPlace(store=S, image="x", number=1)
    assert in_sandbox(lambda lab: read(lab, UPPER, layer, layouts=(S,), disk=(S,))) == Storage()
