"""What checks of images have in common: finding the image, and the commands that show what is there."""

from __future__ import annotations

from checks.reasoning.wording import advice, listed
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import Blob, StoredImage, StoredLayer
from runtime.oci.image.oci_layout import NAME


def blob_path(store: str, digest: str) -> str:
    """Where a blob is."""
    return f"{store}/blobs/{digest.replace(':', '/')}"


def short(digest: str) -> str:
    """As docker shows it: 12 digits."""
    return digest.removeprefix("sha256:")[:12]


def find(snapshot: Snapshot, store: str, name: str) -> tuple[StoredImage | None, str]:
    """The image called so in a store; or None, and why there is none and what shows it."""
    layout = snapshot.storage.layout(store)
    if layout is None:
        return None, advice(f"there is no folder {store}", "see what is there", "ls -l /tmp")
    if layout.problem:
        return None, advice(f"{store} is no image layout: {layout.problem}", "see it", f"ls -l {store}")
    image = layout.image(name)
    if image is None:
        known = listed(each.name for each in layout.images) or "none at all"
        return None, advice(f"there is no image {name} in {store}, but {known}", "see it",
                            f"jq '.manifests[].annotations[\"{NAME}\"]' {store}/index.json")
    return image, ""


def why_broken(store: str, image: StoredImage) -> str:
    """Why not all of an image is there and what its name says, with what shows it; '' when it is."""
    parts = [("manifest", image.manifest), *([("config", image.config)] if image.config else []),
             *((f"layer {number}", layer.blob) for number, layer in enumerate(image.layers, 1))]
    for part, blob in parts:
        if problem := why_not_intact(store, part, blob):
            return problem
    if image.problem:
        return advice(image.problem, "see it", f"jq . {blob_path(store, image.manifest.digest)}")
    for number, layer in enumerate(image.layers, 1):
        if not layer.intact:
            return why_other_diff_id(store, number, layer)
    return ""


def why_not_intact(store: str, part: str, blob: Blob) -> str:
    """Why a blob is not what its name says, '' when it is."""
    path = blob_path(store, blob.digest)
    if blob.intact:
        return ""
    if blob.problem:
        return advice(f"the {part} {short(blob.digest)} cannot be read, since {blob.problem}", "see it",
                      f"ls -l {path}")
    if not blob.found:
        return advice(f"the {part} {short(blob.digest)} is not there", "see it", f"ls -l {store}/blobs/sha256")
    if blob.found != blob.digest:
        return advice(f"the {part} was changed: its content has the digest {short(blob.found)}, and its name is "
                      f"{short(blob.digest)}", "see it", f"sha256sum {path}")
    return advice(f"the {part} has {blob.found_size} bytes, and what points to it says {blob.size}", "see it",
                  f"stat -c %s {path}")


def why_other_diff_id(store: str, number: int, layer: StoredLayer) -> str:
    """Why a layer, unpacked, is not what the config says."""
    path = blob_path(store, layer.blob.digest)
    if layer.problem:
        why = layer.problem.replace(": ", " - ")  # a hint has one ': ', before its command
        return advice(f"layer {number} cannot be unpacked, since {why}; labrun reads layers that are compressed with "
                      "gzip, or not at all", "see what it is", f"file -z {path}")
    said = f"has the digest {short(layer.unpacked)}" if layer.unpacked else "cannot be unpacked"
    return advice(f"layer {number}, unpacked, {said}, and the config says {short(layer.diff_id) or 'nothing'}",
                  "see it", f"zcat -f < {path} | sha256sum")
