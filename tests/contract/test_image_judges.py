"""What others say of images that a lab has made, and what a lab makes of theirs: skopeo, umoci and a real docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from labrunner.catalogue.catalog import bundled
from labrunner.events import Acted, Checked
from labrunner.language.loading import load
from labrunner.session import Session
from runtime.sandbox.apart import apart
from runtime.sandbox.handle import start
from tests.engines import Engine, use

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="only root may start dockerd"), *(
    pytest.mark.skipif(not shutil.which(tool), reason=f"{tool} is not installed: apt install {tool}")
    for tool in ("skopeo", "umoci"))]
# Of the folders that a runtime or a daemon mounts something on, and fills.
_THEIRS = "! -path './dev/*' ! -path './proc/*' ! -path './sys/*' ! -path './etc/*' ! -name .dockerenv"
# Kind, permissions, path and target of all; the content of each file.
TREE = (f"cd {{}} && find . -mindepth 1 {_THEIRS} -printf '%y %m %p %l\\n' | sort && "
        f"find . -type f {_THEIRS} -print0 | sort -z | xargs -0 sha256sum")


def run(*words: str | Path) -> str:
    """A program outside; it has to succeed."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tree(folder: Path) -> list[str]:
    return run("sh", "-c", TREE.format(folder)).splitlines()


class Built(NamedTuple):
    """What the lab has made. store: its image layout, copied out.  tree, output: of the container that it ran."""

    store: Path
    tree: list[str]
    output: str


def _play(lab: str, folder: str, values: dict[str, str]) -> tuple[list[str], str, str]:
    """Do a lab, and copy its store out. Returns what went wrong, the tree of the last bundle, and what was printed."""
    session = Session(load(bundled()[lab], values), start())
    try:
        events = list(session.play())
        wrong = [str(event.problem) for event in events if isinstance(event, Acted) and event.problem]
        wrong += [event.verdict.hint for event in events if isinstance(event, Checked) and event.verdict.hint]
        shutil.copytree(f"/proc/self/fd/{session.sandbox.root}/tmp/store", folder)
        inside = session.run(["/bin/sh", "-c", TREE.format("/tmp/result/rootfs")]).output
        return wrong, inside, session.run(["/bin/sh", "-c", "cat /tmp/output"]).output
    finally:
        session.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    store = tmp_path_factory.mktemp("built") / "store"
    wrong, inside, output = apart(lambda: _play("build-image", str(store), {}), "do the lab")
    assert wrong == []
    return Built(store, inside.splitlines(), output)


def test_skopeo_reads_it(built: Built) -> None:
    said = json.loads(run("skopeo", "inspect", f"oci:{built.store}:app"))
    assert len(said["Layers"]) == 4
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{built.store}:app"))
    assert config["config"]["Cmd"] == ["cat", "/app/greeting"]
    assert [step["created_by"].split()[0] for step in config["history"]] == ["ADD", "CMD", "COPY", "RUN", "RUN", "CMD"]
    assert [step.get("empty_layer", False) for step in config["history"]] == [False, True, False, False, False, True]


@pytest.mark.parametrize("how", [["--rootless"], []])
def test_umoci_unpacks_the_same_tree(built: Built, tmp_path: Path, how: list[str]) -> None:
    run("umoci", "unpack", *how, "--image", f"{built.store}:app", tmp_path / "bundle")
    assert tree(tmp_path / "bundle/rootfs") == built.tree
    config = json.loads((tmp_path / "bundle/config.json").read_text())
    assert config["process"]["args"] == ["cat", "/app/greeting"]


def test_docker_loads_it_and_runs_the_same(built: Built, docker: Engine, tmp_path: Path) -> None:
    archive = tmp_path / "app.tar"
    run("skopeo", "copy", f"oci:{built.store}:app", f"docker-archive:{archive}:app:1")
    docker("load", "--input", str(archive))
    assert docker("run", "--rm", "--network", "none", "app:1") == built.output.strip() == "hello again"
    container = docker("create", "app:1")
    try:
        (tmp_path / "root").mkdir()
        docker("cp", f"{container}:/", str(tmp_path / "root"))
    finally:
        docker("rm", container)
    assert tree(tmp_path / "root") == built.tree
    assert "/bin/hostname" in docker("run", "--rm", "--network", "none", "app:1", "sh", "-c",
                                     "ls /bin/hostname 2>&1 || true")


DOCKERFILE = """\
FROM box:1
COPY note /note
RUN ["busybox", "--install", "-s", "/bin"]
RUN rm -r /home && mkdir /home && echo built > /home/built
RUN echo more >> /note
ENV GREETING=hello
CMD ["cat", "/home/built", "/note"]
"""


@pytest.fixture(scope="module")
def saved(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What docker has built and saved. No image is pulled: the base was imported."""
    folder = tmp_path_factory.mktemp("docker")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "note").write_text("a note\n")
    docker("build", "--network", "none", "--tag", "theirs:1", str(folder))
    docker("save", "--output", str(folder / "theirs.tar"), "theirs:1")
    return folder / "theirs.tar"


@pytest.mark.parametrize("form", ["docker-archive", "oci", "docker-daemon"])
def test_what_docker_built_opens_verifies_and_runs(docker: Engine, saved: Path, tmp_path: Path, form: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    use(docker, monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sources = {"docker-archive": f"docker-archive:{saved}", "docker-daemon": "docker-daemon:theirs:1",
               "oci": f"oci:{tmp_path / 'layout'}"}
    if form == "oci":
        run("skopeo", "copy", f"docker-archive:{saved}", f"oci:{tmp_path / 'layout'}:theirs")
    store = tmp_path / "store"
    wrong, _, _ = apart(lambda: _play("image-layers", str(store), {"image": sources[form]}), "do the lab")
    assert wrong == []
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{store}:base"))
    assert config["config"]["Cmd"] == ["cat", "/home/built", "/note"]
    theirs = json.loads(docker("image", "inspect", "theirs:1"))[0]
    assert config["rootfs"]["diff_ids"] == theirs["RootFS"]["Layers"]
    if form != "oci":  # which has another config, as skopeo writes it
        manifest = json.loads(run("skopeo", "inspect", "--raw", f"oci:{store}:base"))
        assert manifest["config"]["digest"] == theirs["Id"]
