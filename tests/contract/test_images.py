"""Images with real tar, gzip, jq, mount, runc and crun: what calls and typed commands leave, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from labrunner.action import Action
from labrunner.actions.commit_layer import CommitLayer
from labrunner.actions.image_to_bundle import ImageToBundle
from labrunner.actions.import_image import ImportImage
from labrunner.actions.overlay_mount import OverlayMount
from labrunner.actions.unpack_layer import UnpackLayer
from labrunner.actions.write_image import WriteImage
from labrunner.language.vocabulary import word
from runtime.errors import Problem
from runtime.facts.observer import Observer
from runtime.facts.storage import LayerPlace, Storage, Wanted
from runtime.oci.image import images
from tests.conftest import Lab
from tests.contract.container_verbs import IMAGE_VERBS

InSandbox = Callable[..., Any]
S = "/tmp/store"
ID_MAPS = ["rootmap", "single"] if os.geteuid() == 0 else ["single"]
BASE = ImportImage(to=S, name="base")


def commit(name: str, upper: str, image: str = "") -> CommitLayer:
    below = {"image": image} if image else {}
    return CommitLayer(upper=upper, store=S, name=name, created_by='RUN "x" é', **below)


def overlay(at: str, *lower: str) -> OverlayMount:
    return OverlayMount(at=f"{at}/merged", lower=[*lower], upper=f"{at}/upper", work=f"{at}/work")


class Shell(NamedTuple):
    """What a program writes into an overlay."""

    command: str


# Additions, another name of the same file, names that a shell would break, a deletion, an opaque folder.
FIRST = Shell("cd /tmp/a/merged && rm bin/zcat && mkdir -p app/d && echo 'hé' > app/d/f && ln app/d/f app/hl && "
              "mkdir 'a  b' && echo x > 'a  b/$c *' && touch \"a\n1\" && ln -s /bin/sh link && chmod 4711 app/hl")
SECOND = Shell("cd /tmp/b/merged && rm -r app/d && mkdir app/d && echo new > app/d/g && rm app/hl \"a\n1\"")


def whole(runtime: str) -> Iterator[Action | Shell]:
    """An image from its beginning to its container."""
    yield BASE
    yield UnpackLayer(store=S, image="base", to="/tmp/l1")
    yield overlay("/tmp/a", "/tmp/l1")
    yield FIRST
    yield commit("app", "/tmp/a/upper", image="base")
    yield UnpackLayer(store=S, image="app", number=2, to="/tmp/l2")
    yield overlay("/tmp/b", "/tmp/l2", "/tmp/l1")
    yield SECOND
    yield commit("app", "/tmp/b/upper", image="app")
    yield commit("alone", "/tmp/a/upper")
    yield WriteImage(store=S, image="app", name="app", cmd=["f"], entrypoint=["ls", "-a"], env=["A=b c", "B="],
                     workdir="/app/d", created_by="CMD f")
    yield WriteImage(store=S, name="nothing", created_by="FROM scratch")
    yield Shell(f"tar -C /tmp/l1 --sort=name --mtime=@0 -cf /tmp/l1.tar . && cd {S} && ls")
    yield ImportImage(to=S, name="tar", **{"from": "tar:/tmp/l1.tar"})
    yield ImageToBundle(bundle="/tmp/c1", store=S, image="app", runtime=runtime)


def _left(lab: Lab, runtime: str, typed: bool) -> list[str]:
    """What is in the store and in the bundle, byte by byte, and what the container prints."""
    for each in whole(runtime):
        if isinstance(each, Shell):
            lab.shell(each.command)
        elif typed:
            lab.host.shell(each.command())
        else:
            each.apply(lab.host)
    stored = lab.shell(f"cd {S} && find . | sort && find . -type f | sort | xargs sha256sum && cat index.json")
    bundle = lab.shell("cd /tmp/c1 && find . -printf '%p %y %m %U %l\n' | sort; cat config.json; "
                       "find . -type f -print0 | sort -z | xargs -0 sha256sum; getfattr -Rhm user.overlay.opaque .")
    return [stored, bundle, lab.shell(f"{runtime} run --bundle /tmp/c1 c1 2>&1 || true")]


@pytest.mark.parametrize(("runtime", "id_map"), [("runc", each) for each in ID_MAPS] + [("crun", "auto")])
def test_the_calls_and_the_commands_leave_the_same(in_sandbox: InSandbox, runtime: str, id_map: str) -> None:
    called, typed = (in_sandbox(_left, runtime, way, id_map=id_map) for way in (False, True))
    assert called[0] == typed[0]
    assert called == typed
    assert called[2] == ".\n..\n" or "f" in called[2]  # `ls -a f`, of a file that the last layer hides


@pytest.mark.skipif(os.geteuid() != 0, reason="another user has a single id map")
def test_the_same_content_has_the_same_digest_whoever_stores_it(in_sandbox: InSandbox) -> None:
    one, other = (in_sandbox(_left, "runc", False, id_map=id_map)[0] for id_map in ID_MAPS)
    assert one == other


def test_every_verb_is_here() -> None:
    assert {word(each) for each in whole("runc") if not isinstance(each, Shell)} == set(IMAGE_VERBS)


def look(lab: Lab, *images_: str, place: LayerPlace | None = None, overlays: bool = False) -> Storage:
    wanted = Wanted((S,) if images_ or place is None else (), (place,) if place else (), overlays)
    return Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root, storage=wanted).observe().storage


def _history(lab: Lab) -> Any:
    for each in whole("runc"):
        if isinstance(each, Shell):
            lab.shell(each.command)
        else:
            each.apply(lab.host)
    storage = look(lab, "app")
    app, base, alone, nothing, tar = (storage.image(S, each) for each in ("app", "base", "alone", "nothing", "tar"))
    assert app
    assert base
    assert alone
    assert nothing
    assert tar
    second = look(lab, place=LayerPlace(store=S, image="app", number=3)).layers[0]
    return ([each.intact for each in (app, base, alone, nothing, tar)],
            [len(each.layers) for each in (app, base, alone, nothing, tar)], app.layers[0] == base.layers[0],
            app.history, app.settings, second.files, second.whiteouts, second.opaque)


def test_what_an_image_is_then(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_history) == (
        [True] * 5, [3, 1, 1, 0, 1], True,
        ("the programs of this machine", 'RUN "x" é', 'RUN "x" é', "CMD f"),
        '{"Env": ["A=b c", "B="], "Entrypoint": ["ls", "-a"], "Cmd": ["f"], "WorkingDir": "/app/d"}',
        ("/app/d/g",), ("/a\n1", "/app/hl"), ("/app/d",))


MANIFEST = "blobs/sha256/$(jq -r '.manifests[0].digest' index.json | cut -c 8-)"
LAYER = f"blobs/sha256/$(jq -r '.layers[0].digest' {MANIFEST} | cut -c 8-)"
CONFIG = f"blobs/sha256/$(jq -r '.config.digest' {MANIFEST} | cut -c 8-)"


def _index(change: str) -> str:
    return f"jq '{change}' index.json > new && mv new index.json"


_INDEX_IN_ITSELF = (
    "for n in 1 2 3 4 5; do digest=$(sha256sum < index.json | cut -c -64); size=$(stat -c %s index.json); "
    "cp index.json blobs/sha256/$digest; jq --arg d sha256:$digest --argjson s $size "
    "'.manifests = [.manifests[0] | .digest = $d | .size = $s]' index.json > new; mv new index.json; done")


def _config(change: str) -> str:
    """Another config, by its true name everywhere. change: a program of jq(1)."""
    return (
        "put() { digest=$(sha256sum < new | cut -c -64) size=$(stat -c %s new); mv new blobs/sha256/$digest; } && "
        f"jq '{change}' {CONFIG} > new && put && jq --arg d sha256:$digest --argjson s $size "
        f"'.config.digest = $d | .config.size = $s' {MANIFEST} > new && put && jq --arg d sha256:$digest "
        "--argjson s $size '.manifests[0].digest = $d | .manifests[0].size = $s' index.json > new && mv new index.json")


_NO_DIFF_ID = _config(f'.rootfs.diff_ids[0] = "sha256:{"0" * 64}"')

BROKEN = [
    (f"printf x | dd of={LAYER} bs=1 seek=3 conv=notrunc status=none", "and has to have sha256:"),
    (f"truncate -s 1000 {LAYER}", "has 1000 bytes, and has to have"),
    (f"rm {LAYER}", "is not there, so the image is not whole"),
    (f"rm {LAYER} && mkfifo {LAYER.replace('jq', 'jq', 1)}", "is not there"),
    (f"sed -i s/linux/Linux/ {CONFIG}", "and has to have sha256:"),
    (f"echo >> {MANIFEST}", "bytes, and has to have"),
    (_index('.manifests[0].digest = "sha256:../../../etc/passwd"'), "is no digest"),
    (_index('.manifests[0].digest = "sha512:abc"'), "is no digest"),
    (_index(".manifests[0].size = true"), "has to be a number"),
    (_index(".manifests = 7"), "has to be a list"),
    (_index(".manifests = []"), "it has no image 'base'"),
    ("ln -sf /etc/passwd index.json", "it has no file index.json"),
    (_INDEX_IN_ITSELF, "indexes"),
    (_NO_DIFF_ID, f"has to have sha256:{'0' * 64}"),
    ("rm oci-layout", "it has no file oci-layout"),
]
VERBS = [UnpackLayer(store=S, image="base", to="/tmp/new"), ImageToBundle(bundle="/tmp/new", store=S, image="base"),
         commit("new", "/tmp/more", image="base"), WriteImage(store=S, image="base", name="new", created_by="CMD")]


def _refused(lab: Lab, breaking: str) -> list[str]:
    BASE.apply(lab.host)
    lab.shell(f"mkdir /tmp/more && cd {S} && {breaking}")
    before = lab.shell("cd /tmp && find . -printf '%p %s %T@\n' | sort")
    said = []
    for verb in VERBS:
        try:
            verb.apply(lab.host)
        except Problem as problem:
            said.append(f"{problem}")
            assert lab.shell("cd /tmp && find . -printf '%p %s %T@\n' | sort") == before, verb
    return said


@pytest.mark.parametrize(("breaking", "says"), BROKEN)
def test_what_is_broken_is_refused_and_nothing_is_half_written(in_sandbox: InSandbox, breaking: str, says: str) -> None:
    """Who only builds upon an image reads its documents, and not its layers."""
    said = in_sandbox(_refused, breaking)
    assert len(said) in (2, 4)
    assert all(says in each for each in said), said


def _odd(lab: Lab, change: str) -> list[str]:
    BASE.apply(lab.host)
    lab.shell(f"mkdir /tmp/more && cd {S} && {change}")
    said = []
    for verb in (*VERBS[1:], VERBS[0]):
        lab.shell("umount /tmp/new/rootfs 2> /dev/null; rm -rf /tmp/new")
        try:
            verb.apply(lab.host)
        except Problem as problem:
            said.append(str(problem))
    return said


@pytest.mark.parametrize("change", [
    *(_config(f".{key} = {value}") for key in ("config", "history")
      for value in ("7", "null", '"x"', "[7]", '{"a": 7}')),
    *(_config(f".config = {{{key}: {value}}}") for key in ("Env", "Cmd", "Entrypoint", "WorkingDir")
      for value in ("7", '"x"', "[7]", '{"a": 7}')),
    _index('.manifests[0].annotations = [7] | .manifests += [.manifests[0] | .annotations = '
           '{"org.opencontainers.image.ref.name": "base"}]'),
])
def test_an_odd_image_is_taken_for_what_can_be_understood(in_sandbox: InSandbox, change: str) -> None:
    assert in_sandbox(_odd, change) == []


@pytest.mark.parametrize(("change", "says"), [
    (_config(".rootfs = 7"), "'rootfs' in its config has to be an object"),
    (_config(".rootfs.diff_ids = 7"), "'diff_ids' in its config has to be a list"),
    (_config(".rootfs.diff_ids = []"), "it has 1 layers, and its config names 0"),
])
def test_an_odd_image_is_refused(in_sandbox: InSandbox, change: str, says: str) -> None:
    said = in_sandbox(_odd, change)
    assert len(said) == len(VERBS)
    assert all(says in each for each in said)


def _bomb(lab: Lab) -> tuple[str, str]:
    images.MOST = 1 << 20
    lab.shell("mkdir /tmp/zeros && head -c 2M /dev/zero > /tmp/zeros/file")
    commit("app", "/tmp/zeros").apply(lab.host)
    try:
        UnpackLayer(store=S, image="app", to="/tmp/new").apply(lab.host)
    except Problem as problem:
        return str(problem), lab.shell("ls /tmp")
    raise AssertionError("it was unpacked")


def test_a_bomb_is_refused(in_sandbox: InSandbox) -> None:
    said, there = in_sandbox(_bomb)
    assert "it unpacks to more than 1 MiB" in said
    assert there.split() == ["store", "zeros"]


def _refusal(lab: Lab, before: str, action: Action) -> str:
    lab.shell(before)
    try:
        action.apply(lab.host)
    except Problem as problem:
        return str(problem)
    raise AssertionError("it was done")


@pytest.mark.parametrize(("action", "says"), [
    (UnpackLayer(store=S, image="base", number=2, to="/tmp/new"), "it has 1"),
    (UnpackLayer(store=S, image="none", to="/tmp/new"), "it has no image 'none'"),
    (UnpackLayer(store=S, image="base", to="/tmp/more"), "/tmp/more is there already"),
    (UnpackLayer(store="/tmp/none", image="base", to="/tmp/new"), "it has no file oci-layout"),
    (commit("new", "/tmp/none", image="base"), "/tmp/none"),
    (commit("new", "/tmp/more", image="none"), "it has no image 'none'"),
    (ImportImage(to=S, name="new", **{"from": "tar:/tmp/none.tar"}), "/tmp/none.tar"),
    (OverlayMount(at="/tmp/m", lower=["/tmp/none"]), "mount"),
    (ImportImage(to="/proc/store", name="new"), "No such file or directory"),
], ids=str)
def test_what_is_refused(in_sandbox: InSandbox, action: Action, says: str) -> None:
    assert says in in_sandbox(_refusal, f"mkdir /tmp/more; {BASE.command()}", action)
