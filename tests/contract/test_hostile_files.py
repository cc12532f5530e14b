"""Whatever the root of a lab puts where the judge looks, a look ends in time, and says what it could not examine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, NamedTuple

import pytest

from checks.any_of import AnyOf
from checks.bundle import Bundle
from checks.config import Config
from checks.container import Container
from checks.disk_use import DiskUse
from checks.exit_status import ExitStatus
from checks.file import File
from checks.image import Image
from checks.language.check import UNEXAMINED, Check, Evidence, Verdict
from checks.layer import Layer
from checks.netns import Netns
from checks.not_ import Not
from checks.overlay import Overlay
from checks.rootfs import Rootfs
from labrunner.actions.import_image import ImportImage
from runtime.facts.digests import digests_of
from runtime.facts.look import WHOLE, Unexamined
from runtime.facts.observer import Observer
from runtime.facts.storage import Wanted
from runtime.oci.image.blobs import File as Part
from runtime.oci.image.blobs import blob
from runtime.oci.tar.streams import Unfit
from tests.conftest import Lab

InSandbox = Callable[..., Any]
IN_TIME = WHOLE + 5  # a machine with too much to do needs some seconds more
S = "/tmp/store"
STATE = {"init_process_pid": 1, "init_process_start": 1, "config": {"labels": ["bundle=/tmp/c1"]}}


class Seen(NamedTuple):
    """What came of one look."""

    verdicts: list[Verdict]
    unexamined: tuple[Unexamined, ...]
    seconds: float
    netns: int


def see(lab: Lab, make: str, *checks: Check) -> Seen:
    """Do something in a lab, and judge."""
    if make:
        lab.shell(f"set -e\n{make}")
    storage = Wanted()
    for check in checks:
        storage |= check.storage()
    observer = Observer(lab.namespaces, lab.sandbox.proc, (), [path for each in checks for path in each.files()],
                        lab.sandbox.root, [path for each in checks for path in each.trees()], storage=storage,
                        streams=any(each.needs_streams() for each in checks),
                        screens=[name for each in checks for name in each.screens()])
    begun = monotonic()
    snapshot = observer.observe()
    seconds = monotonic() - begun
    json.dumps(snapshot.as_json()).encode()
    return Seen([check.verdict(Evidence(snapshot, {})) for check in checks], snapshot.unexamined, seconds,
                len(snapshot.netns))


def expect_unexamined(seen: Seen, why: str) -> None:
    """All checks failed with that cause, in time."""
    assert [(each.outcome, each.actual) for each in seen.verdicts] == [("fail", UNEXAMINED)] * len(seen.verdicts), seen
    assert all(why in each.hint for each in seen.verdicts), seen
    assert seen.seconds < IN_TIME


def both(check: Check) -> Sequence[Check]:
    """A check, and its opposite."""
    return check, Not(checks=[check])


LEASE = """echo '{{}}' > {0}; python3 -c 'import fcntl, os, signal
signal.signal(signal.SIGIO, signal.SIG_IGN)
fcntl.fcntl(os.open("{0}", os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
if os.fork() == 0: os.setsid(); signal.pause()' """
# What stands in the place of a file that the judge reads: how it is made, and what is said of it.
PLACED = {
    "a fifo": ("mkfifo {0}", "is no regular file"),
    "a folder": ("mkdir {0}", "is no regular file"),
    "a socket": ("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"{0}\")'", "is no regular file"),
    "a device": (": > {0}; mount --bind /dev/zero {0}", "is no regular file"),
    "a terminal": (": > {0}; mount --bind /dev/ptmx {0}", "is no regular file"),
    "a link": ("ln -s /etc/passwd {0}", "is no regular file"),
    "a loop of links": ("ln -s {0} {0}", "is no regular file"),
    "a gigabyte": ("truncate -s 200M {0}", "has more than 1048576 bytes"),
    "a lease": (LEASE, "holds a lease on"),
    "no text": ("printf '\\377\\376' > {0}", ""),
    "nothing": (": > {0}", ""),
    "deep JSON": ("python3 -c 'print(\"[\" * 100000)' > {0}", ""),
    "long numbers": ("python3 -c 'print(\"{{\\\"pid\\\": \" + \"9\" * 5000 + \"}}\")' > {0}", ""),
    "a list": ("echo '[]' > {0}", ""),
    "a text": ("echo '\"x\"' > {0}", ""),
    "null": ("echo null > {0}", ""),
}
# Where: the file, the folder that is made for it, the check that needs it.
NEEDED: dict[str, tuple[str, Check]] = {
    "runc's state": ("/run/runc/c1/state.json", Container(name="c1", status="running")),
    "crun's state": ("/run/crun/c1/status", Container(name="c1", status="running")),
    "Docker's record": ("/run/docker/data/containers/c1/config.v2.json", Container(name="c1", status="running")),
    "conmon's exit status": ("/run/conmon/c1/exit", ExitStatus(of="c1", **{"is": 0})),
}
EXPLAINED_BY_ITSELF = {("conmon's exit status", "nothing"), ("runc's state", "null"), ("crun's state", "null"),
                       ("Docker's record", "null")}


@pytest.mark.parametrize("where", NEEDED)
def test_what_a_runtime_keeps(in_sandbox: InSandbox, where: str) -> None:
    path, check = NEEDED[where]
    for placed, (make, why) in PLACED.items():
        if (where, placed) in EXPLAINED_BY_ITSELF:
            continue
        script = f"mkdir -p {os.path.dirname(path)}; {make.format(path)}"
        seen = in_sandbox(see, script, *both(check))
        expect_unexamined(seen, why)


@pytest.mark.parametrize("text", [
    {"init_process_pid": -1, "init_process_start": 1}, {"init_process_pid": 1.5}, {"init_process_pid": "1"},
    {"init_process_pid": [1]}, {"init_process_pid": {}}, {"init_process_pid": float("nan")},
    {"config": []}, {"config": {"labels": 7}}, {"config": {"labels": {}}}, {"config": None},
])
def test_a_state_of_other_types(in_sandbox: InSandbox, text: dict[str, Any]) -> None:
    said = json.dumps({**STATE, **text})
    seen = in_sandbox(see, f"mkdir -p /run/runc/c1; echo '{said}' > /run/runc/c1/state.json",
                      Container(name="c1", status="running"), Container(name="c1", exists=False))
    assert {each.outcome for each in seen.verdicts} == {"fail"}


@pytest.mark.parametrize("placed", PLACED)
def test_a_config_json(in_sandbox: InSandbox, placed: str) -> None:
    make, _why = PLACED[placed]
    seen = in_sandbox(see, f"mkdir -p /tmp/c1/rootfs; {make.format('/tmp/c1/config.json')}",
                      Config(bundle="/tmp/c1", at="process.terminal", **{"is": True}), Bundle(path="/tmp/c1"))
    assert [each.outcome for each in seen.verdicts] == ["fail", "fail"]
    assert all("/tmp/c1/config.json" in each.hint for each in seen.verdicts)
    assert seen.seconds < IN_TIME


@pytest.mark.parametrize(("placed", "why"), [("a lease", "holds a lease"), ("no text", ""), ("a gigabyte", "64 KiB")])
def test_a_file_that_cannot_be_read(in_sandbox: InSandbox, placed: str, why: str) -> None:
    make, _why = PLACED[placed]
    readable, *others = (File(path="/tmp/x", contains="hello"), File(path="/tmp/x", text="hello"))
    seen = in_sandbox(see, make.format("/tmp/x"), readable, *others, File(path="/tmp/x", kind="file"))
    assert [each.outcome for each in seen.verdicts] == ["fail", "fail", "pass"]
    if why:
        assert why in seen.verdicts[0].hint
        expect_unexamined(in_sandbox(see, make.format("/tmp/x"), *both(readable)), why)


def test_a_config_json_that_cannot_be_read(in_sandbox: InSandbox) -> None:
    make = PLACED["a lease"][0].format("/tmp/c1/config.json")
    seen = in_sandbox(see, f"mkdir -p /tmp/c1/rootfs; {make}",
                      *both(Config(bundle="/tmp/c1", at="process.terminal", **{"is": True})),
                      *both(Bundle(path="/tmp/c1")), Bundle(path="/tmp/c1", complete=False))
    expect_unexamined(seen, "holds a lease")


def test_ten_thousand_containers(in_sandbox: InSandbox) -> None:
    make = "mkdir -p /run/runc; cd /run/runc; python3 -c 'import os\nfor n in range(10000): os.mkdir(f\"a{n}\")'"
    seen = in_sandbox(see, make, *both(Container(name="c1")), Container(name="c1", exists=False))
    expect_unexamined(seen, "/run/runc has more than 256 entries")


def _many(folder: str, count: int, make: str) -> str:
    return f"mkdir -p {folder}; cd {folder}; python3 -c 'import os\nfor n in range({count}): {make}'"


def test_a_tree_with_too_much_in_it(in_sandbox: InSandbox) -> None:
    make = _many("/tmp/t", 25_000, "os.mknod(f\"{n}\")") + "; mkdir /tmp/t/bin; touch /tmp/t/bin/sh"
    whole = (Rootfs(path="/tmp/t", lacks=["/nowhere"]), Rootfs(path="/tmp/t", has=["/nowhere"]),
             Rootfs(path="/tmp/t", files=["/x"]))
    seen = in_sandbox(see, make, *whole, *(Not(checks=[each]) for each in whole))
    expect_unexamined(seen, "not all of it was looked at")


def test_a_folder_with_too_much_in_it(in_sandbox: InSandbox) -> None:
    make = _many("/tmp/t", 40_000, "os.mknod(f\"{n}\")")
    seen = in_sandbox(see, make, *both(Layer(path="/tmp/t", lacks=["/x"])))
    expect_unexamined(seen, "it has more than 20000 entries")


def test_a_deep_tree(in_sandbox: InSandbox) -> None:
    make = "cd /tmp; mkdir t; cd t; python3 -c 'import os\nfor n in range(3000): os.mkdir(\"d\"); os.chdir(\"d\")'"
    seen = in_sandbox(see, make, *both(Rootfs(path="/tmp/t", lacks=["/x"])), *both(DiskUse(of="/tmp/t", at_most=1)),
                      *both(Layer(path="/tmp/t", lacks=["/x"])))
    expect_unexamined(seen, "64 others")


def _image(lab: Lab, change: str, *checks: Check) -> Seen:
    ImportImage(to=S, name="base").apply(lab.host)
    return see(lab, f"cd {S}/blobs/sha256; layer=$(ls -S | head -n 1); manifest=$(jq -r "
                    f"'.manifests[0].digest[7:]' {S}/index.json)\n{change}", *checks)


@pytest.mark.parametrize(("magic", "name"), [
    ("\\050\\265\\057\\375", "zstd"), ("\\3757zXZ\\000", "xz"), ("BZh91", "bzip2"), ("\\004\\042\\115\\030", "lz4"),
    ("LZIP\\001", "lzip"), ("\\037\\235\\220", "compress"), ("\\135\\000\\000\\200", "lzma")])
def test_a_layer_that_is_compressed_otherwise(in_sandbox: InSandbox, magic: str, name: str) -> None:
    """It is a whole image, but labrun cannot read what is in it. The rest of the look goes on."""
    change = f"""printf '{magic} and more' > new; d=$(sha256sum new | cut -c 1-64); s=$(stat -c %s new); mv new $d
jq -c ".layers[0].digest = \\"sha256:$d\\" | .layers[0].size = $s" $manifest > new
m=$(sha256sum new | cut -c 1-64); s=$(stat -c %s new); mv new $m
jq ".manifests[0].digest = \\"sha256:$m\\" | .manifests[0].size = $s" {S}/index.json > /tmp/i
mv /tmp/i {S}/index.json"""
    seen = in_sandbox(_image, change, Layer(store=S, image="base", number=1, has=["/bin"]),
                      Not(checks=[Layer(store=S, image="base", number=1, has=["/bin"])]),
                      Image(name="base", store=S, intact=True), Image(name="base", store=S, layers=1))
    layer, opposite, intact, counted = seen.verdicts
    assert (counted.outcome, seen.unexamined) == ("pass", ())
    for verdict in (layer, opposite, intact):
        assert verdict.outcome == "fail"
        assert f"compressed with {name}, which labrun cannot read" in verdict.hint
    assert "gzip" in intact.hint


def test_a_sparse_blob() -> None:
    """Of terabytes that take no room, and days to read."""
    with os.fdopen(os.memfd_create("blob"), "w+b") as file:
        file.truncate(2 << 40)
        found = digests_of(Part(file.fileno(), 0, 2 << 40))
        assert (found.digest, found.unpacked) == ("", "")
        assert "it has 2199023255552 bytes, and labrun reads at most" in found.problem
        with pytest.raises(Unfit, match="and labrun reads at most"):
            blob(lambda _: Part(file.fileno(), 0, 2 << 40), f"sha256:{'0' * 64}", 2 << 40)


def _part(lab: Lab, placed: str, which: str, check: Check) -> Seen:
    ImportImage(to=S, name="base").apply(lab.host)
    blobs = f"{S}/blobs/sha256"
    layer, manifest = lab.shell(f"ls -S {blobs} | head -n 1; jq -r '.manifests[0].digest[7:]' {S}/index.json").split()
    path = {"index": f"{S}/index.json", "manifest": f"{blobs}/{manifest}", "layer": f"{blobs}/{layer}"}[which]
    return see(lab, f"rm {path}; {PLACED[placed][0].format(path)}", check)


@pytest.mark.parametrize("placed", ["a fifo", "a folder", "a device", "a terminal", "a lease", "deep JSON", "nothing"])
@pytest.mark.parametrize("which", ["index", "manifest", "layer"])
def test_parts_of_an_image(in_sandbox: InSandbox, placed: str, which: str) -> None:
    seen = in_sandbox(_part, placed, which, Image(name="base", store=S, intact=True))
    assert [each.outcome for each in seen.verdicts] == ["fail"]
    assert seen.seconds < IN_TIME


def test_other_things_are_examined_all_the_same(in_sandbox: InSandbox) -> None:
    make = ("mkdir -p /run/runc/c1 /run/runc/c2; mkfifo /run/runc/c1/state.json; echo hello > /tmp/x\n"
            f"echo '{json.dumps(STATE)}' > /run/runc/c2/state.json")
    bad = Container(name="c1")
    seen = in_sandbox(see, make, Container(name="c2", status="stopped"), File(path="/tmp/x", contains="hello"),
                      AnyOf(checks=[bad, File(path="/tmp/x")]), bad)
    assert [each.outcome for each in seen.verdicts] == ["pass", "pass", "pass", "fail"]


def test_names_in_run_netns(in_sandbox: InSandbox) -> None:
    """Names that would steer a terminal, that are no UTF-8, and files that are no namespaces."""
    make = ("ip netns add good; cd /run/netns; mkfifo f; echo x > g; mkdir d; ln -s good l; ln -s f m\n"
            "for name in $(printf 'a\\033b') $(printf '\\377'); do : > $name; mount --bind good $name; done\n"
            "n=$(printf 'a\\nb'); : > \"$n\"; mount --bind good \"$n\"")
    seen = in_sandbox(see, make, Netns(name="good"), Netns(name="f", exists=False), Netns(name="nothing"))
    assert [each.outcome for each in seen.verdicts] == ["pass", "pass", "fail"]
    assert seen.unexamined == ()
    assert "\x1b" not in seen.verdicts[2].hint


def test_a_thousand_netns(in_sandbox: InSandbox) -> None:
    make = ("ip netns add n; cd /run/netns\n"
            "for i in $(seq 1000); do : > m$i; mount --bind n m$i; done")
    seen = in_sandbox(see, make, Netns(name="m1"), *both(Netns(name="nowhere")), Netns(name="nowhere", exists=False))
    assert (seen.verdicts[0].outcome, seen.netns) == ("pass", 129)
    expect_unexamined(seen._replace(verdicts=seen.verdicts[1:]), "/run/netns has more than 128 entries")


def test_mounts_without_a_source_and_many(in_sandbox: InSandbox) -> None:
    make = ("mkdir /tmp/m; for i in $(seq 500); do mount -t tmpfs '' /tmp/m; done; mkdir /tmp/l /tmp/o\n"
            "mount -t overlay overlay -o userxattr,lowerdir=/tmp/l:/run /tmp/o")
    seen = in_sandbox(see, make, Overlay(at="/tmp/o"))
    assert [each.outcome for each in seen.verdicts] == ["pass"]


def test_a_process_that_is_named_as_if_it_were_another(in_sandbox: InSandbox) -> None:
    make = ("cp /bin/sleep '/tmp/x) R 1 (' && '/tmp/x) R 1 (' 600 > /dev/null 2>&1 &\n"
            "python3 -c 'import ctypes, time; ctypes.CDLL(None).prctl(15, b\"a\\nb) Z 7\", 0, 0, 0); time.sleep(600)' "
            "> /dev/null 2>&1 &")
    assert in_sandbox(see, make).unexamined == ()


# An image of twenty layers, each of which takes a second and more to unpack: half a gigabyte of zeros.
BOMBS = f"""
import gzip, hashlib, json, os, zlib
os.makedirs("{S}/blobs/sha256")
packer = zlib.compressobj(9, wbits=31)
bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(500)) + packer.flush()
def keep(data):
    digest = hashlib.sha256(data).hexdigest()
    open("{S}/blobs/sha256/" + digest, "wb").write(data)
    return {{"digest": "sha256:" + digest, "size": len(data)}}
layers = [keep(bomb + gzip.compress(b"%d" % number)) for number in range(20)]
config = keep(json.dumps({{"rootfs": {{"diff_ids": ["sha256:" + "0" * 64] * 20}}}}).encode())
manifest = keep(json.dumps({{"config": config, "layers": layers}}).encode())
name = {{"annotations": {{"org.opencontainers.image.ref.name": "base"}}}}
json.dump({{"manifests": [{{**manifest, **name}}]}}, open("{S}/index.json", "w"))
"""


def test_an_image_that_takes_too_long(in_sandbox: InSandbox) -> None:
    """And what is looked at after it has its own time."""
    make, check = f"echo hello > /tmp/x; python3 -c '{BOMBS}'", Image(name="base", store=S, intact=True)
    seen = in_sandbox(see, make, *both(check), Image(name="x", store=S, exists=False),
                      *both(Layer(store=S, image="base", number=20, has=["/x"])), File(path="/tmp/x", exists=True))
    *slow, file = seen.verdicts
    assert file.outcome == "pass"
    expect_unexamined(seen._replace(verdicts=slow), "it takes more than")


def test_a_thousand_interfaces_and_ten_thousand_rules(in_sandbox: InSandbox) -> None:
    make = ("for i in $(seq 500); do echo link add d$i type veth peer name e$i; done | ip -batch -\n"
            "nft add table ip t; nft add chain ip t c\n"
            "for i in $(seq 500); do echo add rule ip t c ip saddr 10.0.0.1 drop; done > /tmp/rules\n"
            "for i in $(seq 20); do nft -f /tmp/rules; done\n"
            "ip netns add good")
    seen = in_sandbox(see, make, Netns(name="good"))
    assert seen.verdicts[0].outcome == "pass"
    assert seen.seconds < IN_TIME
