from __future__ import annotations

import re
from typing import Any, NamedTuple

from checks.file import PATH
from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.images import blob_path, find, short, why_not_intact, why_other_diff_id
from checks.reasoning.wording import advice
from runtime.container_values import FOLDER, IMAGE
from runtime.facts.storage import StoredImage, Wanted
from runtime.values import BOOLEAN, TEXT, Kind

_PART = re.compile(r"manifest|config|(layer|diff_id) ([1-9]\d{0,2})")


def _part(value: Any) -> str:
    text = str(TEXT.parse(value))
    if not _PART.fullmatch(text):
        raise ValueError(f"{text!r} is no part of an image: manifest, config, layer 1 and diff_id 1 are")
    return text


PART: Kind[str] = Kind("part", "a part of an image: manifest, config, layer NUMBER, or diff_id NUMBER", _part,
                       {"type": "string", "pattern": f"^({_PART.pattern})$"},
                       lambda value: ["config" if value == "manifest" else "manifest"])


class _Found(NamedTuple):
    """digest: as it has to be.  problem: why its content has another, or ''.  show: the command that computes it."""

    digest: str
    problem: str
    show: str


class Blob(Check):
    """A blob of an image: whether its content has the digest that it is called by, and who has written that down.

    diff_id is the digest of a layer unpacked, which the config of the image has.
    """

    store = argument(FOLDER, "the folder of the image layout")
    image = argument(IMAGE, "the image")
    part = argument(PART, "which blob: manifest, config, layer 1 for the lowest layer, or diff_id 1 for its diff_id")
    intact = argument(BOOLEAN, "whether its content has that digest", default=None)
    written_in = argument(PATH, "a file that has to have that digest in it", default=None)

    def validate(self) -> None:
        if self.intact is None and self.written_in is None:
            raise Mistake("", "it needs 'intact' or 'written_in', or both")

    def storage(self) -> Wanted:
        return Wanted(layouts=(self.store,))

    def files(self) -> tuple[str, ...]:
        return (self.written_in,) if self.written_in else ()

    def claim(self) -> str:
        parts = {None: "", True: "what its name says", False: "not what its name says any more"}[self.intact]
        written = f"the digest of {self._named()} stands in {self.written_in}" if self.written_in else ""
        return " and ".join(filter(None, (written, f"{self._named()} is {parts}" if parts else "")))

    def _named(self) -> str:
        kind, _, number = self.part.partition(" ")
        if not number:
            return f"the {kind} of {self.image}"
        return f"layer {number} of {self.image}{', unpacked,' if kind == 'diff_id' else ''}"

    def judge(self, evidence: Evidence) -> Verdict:
        expected = "another content" if self.intact is False else "the digest of its name"
        image, problem = find(evidence.snapshot, self.store, self.image)
        found, problem = self._found(image) if image else (None, problem)
        if found is None:
            return self.failed(expected, "cannot be told", problem)
        expected = short(found.digest) if self.intact is not False else f"not {short(found.digest)}"
        if self.intact is not None and self.intact == bool(found.problem):
            actual = "another content" if found.problem else short(found.digest)
            return self.failed(expected, actual, found.problem or advice(
                f"{self._named()} is intact", "see it", found.show))
        if self.written_in:
            return self._judge_written(evidence, found, expected)
        return self.passed(expected, "another content" if found.problem else short(found.digest))

    def _judge_written(self, evidence: Evidence, found: _Found, expected: str) -> Verdict:
        file = evidence.snapshot.file(self.written_in or "")
        if file and found.digest.removeprefix("sha256:") in (file.text or ""):
            return self.passed(expected, f"it stands in {self.written_in}")
        cause = f"{self.written_in} does not have {short(found.digest)}" if file else f"there is no {self.written_in}"
        return self.failed(expected, "another text" if file else "no such file", advice(
            f"{cause}, the digest of {self._named().removesuffix(',')}", "compute it", found.show))

    def _found(self, image: StoredImage) -> tuple[_Found | None, str]:
        """The part; or None, and why there is none."""
        kind, _, number = self.part.partition(" ")
        index = f"jq . {blob_path(self.store, image.manifest.digest)}"
        if kind == "manifest":
            blob = image.manifest
        elif kind == "config" and image.config:
            blob = image.config
        elif kind in ("layer", "diff_id") and int(number) <= len(image.layers):
            blob = image.layers[int(number) - 1].blob
        else:
            there = f"{len(image.layers)} layers" if kind != "config" else f"no config, since {image.problem}"
            return None, advice(f"{self.image} has {there}", "see its manifest", index)
        if kind == "diff_id":
            layer = image.layers[int(number) - 1]
            wrong = layer.unpacked != layer.diff_id or not layer.diff_id
            return _Found(layer.diff_id, why_other_diff_id(self.store, int(number), layer) if wrong else "",
                          f"zcat -f < {blob_path(self.store, blob.digest)} | sha256sum"), ""
        return _Found(blob.digest, why_not_intact(self.store, self.part, blob),
                      f"sha256sum {blob_path(self.store, blob.digest)}"), ""
