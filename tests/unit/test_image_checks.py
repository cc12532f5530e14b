"""The checks of images, layers, overlays and room on the disk: passing, failing, and what a learner reads."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from checks.blob import Blob
from checks.disk_use import DiskUse
from checks.image import Image
from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake
from checks.layer import Layer
from checks.overlay import Overlay
from checks.reasoning.wording import command_of
from labrunner.language.vocabulary import word
from runtime.facts.files import File
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import (
    Blob as Stored,
)
from runtime.facts.storage import (
    DiskUse as Used,
)
from runtime.facts.storage import (
    Layer as Found,
)
from runtime.facts.storage import (
    LayerPlace,
    Layout,
    Storage,
    StoredImage,
    StoredLayer,
)
from runtime.facts.storage import (
    Overlay as Mounted,
)

S = "/tmp/store"
UP, IN_STORE = LayerPlace(folder="/tmp/up"), LayerPlace(store=S, image="app", number=2)


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def blob(letter: str, size: int = 10, *, found: str | None = None) -> Stored:
    return Stored(digest(letter), size, digest(letter if found is None else found) if found != "" else "", size)


def layer(letter: str, *, unpacked: str | None = None) -> StoredLayer:
    diff_id = digest(letter.upper().translate(str.maketrans("12345", "67890")))
    return StoredLayer(blob(letter), diff_id, diff_id if unpacked is None else unpacked)


BASE = StoredImage("base", blob("a"), blob("b"), (layer("1"),), '{"Cmd": ["sh"]}', ("ADD rootfs.tar /", "CMD sh"))
APP = StoredImage("app", blob("c"), blob("d"), (layer("1"), layer("2")), '{"Cmd": ["ls"], "Env": ["A=b"]}',
                  ("ADD rootfs.tar /", "COPY x", "RUN y"))
SAME = BASE._replace(name="same")
LAYERS = (Found(UP, ("/app/f", "/x"), ("/app",), ("/bin/vi",), ("/app",)), Found(IN_STORE, ("/y",)))
MOUNTED = Mounted("/tmp/m", ("/tmp/l2", "/tmp/l1"), "/tmp/u", "/tmp/w")


def lab(*images: StoredImage, problem: str = "", files: str = "", **other: Any) -> Snapshot:
    storage = Storage((Layout(S, images or (BASE, APP, SAME), 7, problem),), LAYERS, (MOUNTED,), (Used(S, 8192, 3),))
    return Snapshot((), files=(File("/tmp/sums", "file", "644", 1, "", files),) if files else (),
                    storage=storage._replace(**other))


LAB = lab()
EARLIER = {"first": lab(BASE, APP._replace(manifest=blob("e")), disk=(Used(S, 4096, 2),))}


def judge(check: Check, snapshot: Snapshot) -> Verdict:
    return check.judge(Evidence(snapshot, {}, EARLIER))


def image(**given: Any) -> Image:
    return Image(**{"name": "app", "store": S, **given})


def of(part: str, **given: Any) -> Blob:
    return Blob(store=S, image="app", part=part, **given)


CHANGED = APP._replace(config=blob("d", found="e"))
LACKING = APP._replace(layers=(layer("1"), layer("2")._replace(blob=blob("2", found=""))))
REPACKED = APP._replace(layers=(layer("1"), layer("2", unpacked=digest("f"))))
DAMAGED = APP._replace(layers=(layer("1"), layer("2", unpacked="")))

PASS = [
    (image(), LAB),
    (image(name="none", exists=False), LAB),
    (image(intact=True, layers=2, base="base"), LAB),
    (image(intact=False), lab(BASE, CHANGED)),
    (image(intact=False), lab(BASE, REPACKED)),
    (image(base="base", shared=1), LAB),
    (image(name="base", same_as="same"), LAB),
    (image(config={"Cmd": ["ls"]}), LAB),
    (image(config={"Entrypoint": None}), LAB),
    (image(history=["rootfs", "RUN y"]), LAB),
    (image(name="base", same=True, since="first"), LAB),
    (image(same=False, since="first"), LAB),
    (of("manifest", intact=True), LAB),
    (of("config", intact=False), lab(CHANGED)),
    (of("layer 2", intact=True), LAB),
    (of("diff_id 2", intact=False), lab(REPACKED)),
    (of("diff_id 2", intact=False), lab(DAMAGED)),
    (of("layer 1", written_in="/tmp/sums"), lab(files=f"{'1' * 64}  -\n")),
    (of("diff_id 1", written_in="/tmp/sums", intact=True), lab(files=digest("6"))),
    (Layer(path="/tmp/up", has=["/x", "/app"], lacks=["/y"]), LAB),
    (Layer(path="/tmp/up", files=["/x", "/app/f"], whiteouts=["/bin/vi"], opaque=["/app"]), LAB),
    (Layer(store=S, image="app", number=2, files=["/y"], whiteouts=[], opaque=[]), LAB),
    (Overlay(at="/tmp/m"), LAB),
    (Overlay(at="/tmp/m", lower=["/tmp/l2", "/tmp/l1"], upper="/tmp/u", work="/tmp/w"), LAB),
    (Overlay(at="/tmp/n", exists=False), LAB),
    (DiskUse(of=S, at_most=8, at_least=8), LAB),
    (DiskUse(of=S, since="first", at_most=4, at_least=4), LAB),
    (DiskUse(of=S, since="first", same=False), LAB),
]


class Failing(NamedTuple):
    check: Check
    snapshot: Snapshot
    actual: str
    hint: str


B = f"{S}/blobs/sha256"
FAIL = [
    Failing(image(name="none"), LAB, "no such image", "there is no image none in /tmp/store, but base, app and same; "
            "see it: jq '.manifests[].annotations[\"org.opencontainers.image.ref.name\"]' /tmp/store/index.json"),
    Failing(image(), lab(problem="it has no file index.json"), "no such image",
            "/tmp/store is no image layout: it has no file index.json; see it: ls -l /tmp/store"),
    Failing(image(store="/tmp/none"), LAB, "no such image",
            "there is no folder /tmp/none; see what is there: ls -l /tmp"),
    Failing(image(exists=False), LAB, "cccccccccccc, 2 layers",
            f"there is an image app; see it: jq . {B}/{'c' * 64}"),
    Failing(image(intact=True), lab(CHANGED), "cccccccccccc, 2 layers", "the config was changed: its content has the "
            f"digest eeeeeeeeeeee, and its name is dddddddddddd; see it: sha256sum {B}/{'d' * 64}"),
    Failing(image(intact=True), lab(LACKING), "cccccccccccc, 2 layers",
            f"the layer 2 222222222222 is not there; see it: ls -l {B}"),
    Failing(image(intact=True), lab(REPACKED), "cccccccccccc, 2 layers", "layer 2, unpacked, has the digest "
            f"ffffffffffff, and the config says 777777777777; see it: zcat -f < {B}/{'2' * 64} | sha256sum"),
    Failing(image(intact=True), lab(APP._replace(problem="it is odd")), "cccccccccccc, 2 layers",
            f"it is odd; see it: jq . {B}/{'c' * 64}"),
    Failing(image(intact=False), LAB, "cccccccccccc, 2 layers",
            f"each part of app is what its name says; see it: cd {B} && sha256sum *"),
    Failing(image(layers=3), LAB, "cccccccccccc, 2 layers",
            f"app has 2 layers, not 3; see them: jq . {B}/{'c' * 64}"),
    Failing(image(config={"Cmd": ["sh"]}), LAB, "cccccccccccc, 2 layers",
            f"app has the Cmd [\"ls\"], not [\"sh\"]; see it: jq . {B}/{'d' * 64}"),
    Failing(image(history=["RUN y", "COPY x"]), LAB, "cccccccccccc, 2 layers",
            f"the history of app does not have 'COPY x' where it should; see it: jq . {B}/{'d' * 64}"),
    Failing(image(name="base", base="app"), LAB, "aaaaaaaaaaaa, 1 layers", "of the layers of app base has the lowest "
            f"1, not all 2; see both: jq .layers {B}/{'a' * 64} {B}/{'c' * 64}"),
    Failing(image(base="base", shared=2), LAB, "cccccccccccc, 2 layers", "of the layers of base app has the lowest "
            f"1, not 2; see both: jq .layers {B}/{'c' * 64} {B}/{'a' * 64}"),
    Failing(image(base="none"), LAB, "cccccccccccc, 2 layers", "there is no image none in /tmp/store, but base, app "
            "and same; see it: jq '.manifests[].annotations[\"org.opencontainers.image.ref.name\"]' "
            "/tmp/store/index.json"),
    Failing(image(same_as="base"), LAB, "cccccccccccc, 2 layers",
            "app is cccccccccccc, and base is aaaaaaaaaaaa; see both: jq .manifests /tmp/store/index.json"),
    Failing(image(same=True, since="first"), LAB, "cccccccccccc, 2 layers", "app is cccccccccccc, and was "
            "eeeeeeeeeeee in step 'first'; see it: jq .manifests /tmp/store/index.json"),
    Failing(image(same=True, since="never"), LAB, "cccccccccccc, 2 layers",
            "nobody knows what app was in step 'never'"),
    Failing(of("config", intact=True), lab(CHANGED), "another content", "the config was changed: its content has the "
            f"digest eeeeeeeeeeee, and its name is dddddddddddd; see it: sha256sum {B}/{'d' * 64}"),
    Failing(of("layer 1", intact=True), lab(APP._replace(layers=(layer("1")._replace(
        blob=Stored(digest("1"), 10, digest("1"), 9)), layer("2")))), "another content",
        f"the layer 1 has 9 bytes, and what points to it says 10; see it: stat -c %s {B}/{'1' * 64}"),
    Failing(of("manifest", intact=False), LAB, "cccccccccccc",
            f"the manifest of app is intact; see it: sha256sum {B}/{'c' * 64}"),
    Failing(of("layer 3", intact=True), LAB, "cannot be told",
            f"app has 2 layers; see its manifest: jq . {B}/{'c' * 64}"),
    Failing(of("config", intact=True), lab(APP._replace(config=None, layers=(), problem="it is odd")), "cannot be told",
            f"app has no config, since it is odd; see its manifest: jq . {B}/{'c' * 64}"),
    Failing(of("diff_id 2", intact=True), lab(DAMAGED), "another content", "layer 2, unpacked, cannot be unpacked, "
            f"and the config says 777777777777; see it: zcat -f < {B}/{'2' * 64} | sha256sum"),
    Failing(of("layer 1", written_in="/tmp/sums"), LAB, "no such file", "there is no /tmp/sums, the digest of "
            f"layer 1 of app; compute it: sha256sum {B}/{'1' * 64}"),
    Failing(of("diff_id 1", written_in="/tmp/sums"), lab(files="none"), "another text", "/tmp/sums does not have "
            f"666666666666, the digest of layer 1 of app, unpacked; compute it: zcat -f < {B}/{'1' * 64} | sha256sum"),
    Failing(Layer(path="/tmp/none"), LAB, "no such layer",
            "there is no /tmp/none; see what is there: ls -l /tmp/none"),
    Failing(Layer(store=S, image="app", number=3), LAB, "no such layer",
            "there is no layer 3 of app; see what is there: jq . /tmp/store/index.json"),
    Failing(Layer(path="/tmp/up", has=["/y"]), LAB, "2 files (/app/f and /x), 1 whiteouts (/bin/vi) and 1 opaque "
            "folders (/app)", "/y is not in /tmp/up; see what is: find /tmp/up -ls"),
    Failing(Layer(path="/tmp/up", lacks=["/x"]), LAB, "2 files (/app/f and /x), 1 whiteouts (/bin/vi) and 1 opaque "
            "folders (/app)", "/x is in /tmp/up; see what is: find /tmp/up -ls"),
    Failing(Layer(store=S, image="app", number=2, files=["/x"]), LAB, "1 files (/y), 0 whiteouts and 0 opaque folders",
            f"layer 2 of app has the files /y, and not /x; see them: tar -tvf {B}/{'2' * 64}"),
    Failing(Layer(path="/tmp/up", whiteouts=[]), LAB, "2 files (/app/f and /x), 1 whiteouts (/bin/vi) and 1 opaque "
            "folders (/app)", "/tmp/up has whiteouts of /bin/vi, and not nothing; see them: find /tmp/up -ls"),
    Failing(Layer(store=S, image="app", number=2, opaque=["/app"]), LAB, "1 files (/y), 0 whiteouts and 0 opaque "
            "folders",
            f"layer 2 of app has the opaque folders nothing, and not /app; see them: tar -tvf {B}/{'2' * 64}"),
    Failing(Layer(path="/tmp/up"), lab(layers=(Found(UP, problem="it is odd"),)), "cannot be examined",
            "/tmp/up cannot be read, since it is odd; see it: find /tmp/up -ls"),
    Failing(Overlay(at="/tmp/n", lower=["/tmp/l"]), LAB, "no overlay", "no overlay is mounted on /tmp/n; mount it: "
            "mkdir -p /tmp/n UPPER WORK && mount -t overlay overlay -o "
            "userxattr,lowerdir=/tmp/l,upperdir=UPPER,workdir=WORK /tmp/n"),
    Failing(Overlay(at="/tmp/m", exists=False), LAB, "lower /tmp/l2 and /tmp/l1, upper /tmp/u, work /tmp/w",
            "an overlay is mounted on /tmp/m; take it away: umount /tmp/m"),
    Failing(Overlay(at="/tmp/m", lower=["/tmp/l1", "/tmp/l2"]), LAB, "lower /tmp/l2 and /tmp/l1, upper /tmp/u, work "
            "/tmp/w", "lower of the overlay on /tmp/m is /tmp/l2 and /tmp/l1, not /tmp/l1 and /tmp/l2; mount it anew: "
            "umount /tmp/m && mkdir -p /tmp/m /tmp/u /tmp/w && mount -t overlay overlay -o "
            "userxattr,lowerdir=/tmp/l1:/tmp/l2,upperdir=/tmp/u,workdir=/tmp/w /tmp/m"),
    Failing(DiskUse(of="/tmp/none", at_most=1), LAB, "no such folder",
            "there is no folder /tmp/none; see what is there: ls -l /tmp"),
    Failing(DiskUse(of=S, at_most=7), LAB, "8 KiB", "/tmp/store takes 8 KiB; see what takes it: du -ak /tmp/store"),
    Failing(DiskUse(of=S, since="first", same=True), LAB, "8 KiB, +4 KiB",
            "/tmp/store takes 8 KiB and took 4 KiB in step 'first'; see what takes it: du -ak /tmp/store"),
    Failing(DiskUse(of=S, since="first", at_least=5), LAB, "8 KiB, +4 KiB",
            "/tmp/store takes 8 KiB and took 4 KiB in step 'first'; see what takes it: du -ak /tmp/store"),
    Failing(DiskUse(of=S, since="never", same=True), LAB, "8 KiB",
            "nobody knows how much /tmp/store took in step 'never'"),
]


@pytest.mark.parametrize(("check", "snapshot"), PASS, ids=[each[0].claim() for each in PASS])
def test_it_passes(check: Check, snapshot: Snapshot) -> None:
    verdict = judge(check, snapshot)
    assert (verdict.outcome, verdict.hint) == ("pass", ""), verdict
    assert verdict.claim == check.claim()


@pytest.mark.parametrize("failing", FAIL, ids=lambda each: f"{each.check.claim()} - {each.hint[:40]}")
def test_it_fails(failing: Failing) -> None:
    verdict = judge(failing.check, failing.snapshot)
    assert (verdict.outcome, verdict.actual, verdict.hint) == ("fail", failing.actual, failing.hint)
    assert ": " not in verdict.hint or command_of(verdict.hint)


def test_every_check_is_here() -> None:
    mine = {"blob", "image", "layer", "overlay", "disk_use"}
    assert {word(check) for check, _ in PASS} == mine == {word(each.check) for each in FAIL}


@pytest.mark.parametrize(("check", "claim"), [
    (image(), "the image app is there"),
    (image(exists=False), "there is no image app in /tmp/store"),
    (image(intact=True, layers=2, base="base"), "the image app is intact, of 2 layers and on top of base"),
    (image(base="base", shared=1), "the image app is with the lowest layer of base"),
    (image(base="base", shared=2), "the image app is with the lowest 2 layers of base"),
    (image(config={"Cmd": ["ls"]}, history=["RUN"]), "the image app is with {\"Cmd\":[\"ls\"]} and made by 'RUN'"),
    (image(same=False, since="first"), "the image app is another than in step 'first'"),
    (of("layer 1", intact=True, written_in="/tmp/x"),
     "the digest of layer 1 of app stands in /tmp/x and layer 1 of app is what its name says"),
    (of("diff_id 1", intact=True), "layer 1 of app, unpacked, is what its name says"),
    (of("config", intact=False), "the config of app is not what its name says any more"),
    (Layer(path="/tmp/up", has=["/x"], whiteouts=[]), "/tmp/up is a layer with /x, that takes away nothing"),
    (Layer(store=S, image="app", number=2), "layer 2 of app is a layer"),
    (Overlay(at="/m", upper="/u"), "an overlay of upper /u is mounted on /m"),
    (Overlay(at="/m", exists=False), "no overlay is mounted on /m"),
    (DiskUse(of="/s", at_most=3), "/s takes at most 3 KiB"),
    (DiskUse(of="/s", since="first", same=True), "/s takes as much as in step 'first'"),
    (DiskUse(of="/s", since="first", at_least=3), "/s takes at least 3 KiB more than in step 'first'"),
])
def test_what_is_claimed(check: Check, claim: str) -> None:
    assert check.claim() == claim


@pytest.mark.parametrize(("make", "says"), [
    (lambda: image(exists=False, layers=1), "what does not exist has no 'layers'"),
    (lambda: image(same=True), "'same' and 'since' go together"),
    (lambda: image(shared=1), "it needs 'base', the image that the layers are shared with"),
    (lambda: image(base="app"), "app is compared with itself"),
    (lambda: image(config=["Cmd"]), "it has to be a mapping, as {Cmd: [sh]}"),
    (lambda: image(name="a b"), "'a b' is no name for an image: at most 128 letters, digits and _ . : / @ + - are"),
    (lambda: of("config"), "it needs 'intact' or 'written_in', or both"),
    (lambda: of("layer 0", intact=True),
     "'layer 0' is no part of an image: manifest, config, layer 1 and diff_id 1 are"),
    (Layer, "it needs either 'path', or 'store', 'image' and 'number'"),
    (lambda: Layer(path="/x", store=S), "it needs either 'path', or 'store', 'image' and 'number'"),
    (lambda: Layer(store=S, image="app"), "it needs either 'path', or 'store', 'image' and 'number'"),
    (lambda: Layer(path="/x", has=["/a"], lacks=["/a"]), "/a cannot be in it and not in it"),
    (lambda: Overlay(at="/m", exists=False, upper="/u"), "what does not exist has no folders"),
    (lambda: DiskUse(of=S), "it needs 'same', 'at_most' or 'at_least'"),
    (lambda: DiskUse(of=S, same=True), "it needs 'since', the step that it is compared with"),
    (lambda: DiskUse(of=S, at_most=1, at_least=2), "it is more than 'at_most'"),
])
def test_what_is_refused(make: Any, says: str) -> None:
    with pytest.raises(Mistake) as caught:
        make()
    assert caught.value.says == says
