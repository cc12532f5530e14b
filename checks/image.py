from __future__ import annotations

import json
from typing import Any

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.images import blob_path, find, short, why_broken
from checks.reasoning.wording import advice, listed
from runtime.container_values import FOLDER, IMAGE, JSON, STEP, Object, thaw
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import StoredImage, Wanted
from runtime.values import BOOLEAN, TEXT, many, whole_number


class Image(Check):
    """An image in an image layout, and what is true of it (image-spec: manifest.md, config.md)."""

    main = "name"
    name = argument(IMAGE, "its name")
    store = argument(FOLDER, "the folder of the image layout")
    exists = argument(BOOLEAN, "whether it has to be there", default=True)
    intact = argument(BOOLEAN, "whether each of its parts has to be there and be what its name says", default=None)
    layers = argument(whole_number(0, 128), "how many layers it has", default=None)
    base = argument(IMAGE, "an image of the same store whose layers are its lowest ones: the same blobs", default=None)
    shared = argument(whole_number(1, 128), "with 'base': how many of the lowest layers are the same, and no more",
                      default=None)
    same_as = argument(IMAGE, "an image of the same store with the very same manifest", default=None)
    config = argument(JSON, "what its config says under 'config', as {Cmd: [sh]}; other keys do not matter",
                      default=None)
    history = argument(many(TEXT), "parts of what its history says, in this order", default=None)
    same = argument(BOOLEAN, "whether it is the same as in the step 'since'", default=None)
    since = argument(STEP, "id of the earlier step", default=None)

    def validate(self) -> None:
        others = [key for key, value in self.values().items() if value is not None and key not in (
            "name", "store", "exists")]
        if not self.exists and others:
            raise Mistake("exists", f"what does not exist has no '{others[0]}'")
        if (self.same is None) != (self.since is None):
            raise Mistake("", "'same' and 'since' go together")
        if self.shared is not None and not self.base:
            raise Mistake("shared", "it needs 'base', the image that the layers are shared with")
        if self.name in (self.base, self.same_as):
            raise Mistake("", f"{self.name} is compared with itself")
        if self.config is not None and not isinstance(self.config, Object):
            raise Mistake("config", "it has to be a mapping, as {Cmd: [sh]}")

    def storage(self) -> Wanted:
        return Wanted(layouts=(self.store,))

    def claim(self) -> str:
        if not self.exists:
            return f"there is no image {self.name} in {self.store}"
        return f"the image {self.name} is {listed(self._wanted(), 'there')}"

    def _wanted(self) -> list[str]:
        lowest = f"{self.shared} layers" if self.shared != 1 else "layer"
        shared = f"with the lowest {lowest} of {self.base}" if self.shared else f"on top of {self.base}"
        return [said for wanted, said in (
            (self.intact is not None, "intact" if self.intact else "not intact"),
            (self.layers is not None, f"of {self.layers} layers"),
            (self.base, shared),
            (self.same_as, f"the same as {self.same_as}"),
            (self.config is not None, f"with {_json(self.config)}"),
            (self.history, "made by " + listed(f"'{each}'" for each in self.history or ())),
            (self.since, f"{'the same as' if self.same else 'another than'} in step '{self.since}'")) if wanted]

    def judge(self, evidence: Evidence) -> Verdict:
        expected = listed(self._wanted(), "there") if self.exists else "no such image"
        image, problem = find(evidence.snapshot, self.store, self.name)
        if image is None:
            return self.failed(expected, "no such image", problem) if self.exists else self.passed(expected)
        actual = f"{short(image.manifest.digest)}, {len(image.layers)} layers"
        if not self.exists:
            return self.failed(expected, actual, advice(f"there is an image {self.name}", "see it", self._show(image)))
        hint = self._why_broken(image) or self._why_other_parts(image) or self._why_other_image(evidence, image)
        return self.failed(expected, actual, hint) if hint else self.passed(expected, actual)

    def _show(self, image: StoredImage) -> str:
        return f"jq . {blob_path(self.store, image.manifest.digest)}"

    def _show_config(self, image: StoredImage) -> str:
        return f"jq . {blob_path(self.store, image.config.digest)}" if image.config else self._show(image)

    def _why_broken(self, image: StoredImage) -> str:
        if self.intact and (problem := why_broken(self.store, image)):
            return problem
        if self.intact is False and image.intact:
            return advice(f"each part of {self.name} is what its name says", "see it",
                          f"cd {self.store}/blobs/sha256 && sha256sum *")
        return ""

    def _why_other_parts(self, image: StoredImage) -> str:
        if self.layers is not None and len(image.layers) != self.layers:
            return advice(f"{self.name} has {len(image.layers)} layers, not {self.layers}", "see them",
                          self._show(image))
        said, wanted = json.loads(image.settings), thaw(self.config) if self.config is not None else {}
        for key, value in wanted.items():
            if said.get(key) != value:
                return advice(f"{self.name} has the {key} {_json(said.get(key))}, not {_json(value)}", "see it",
                              self._show_config(image))
        steps = iter(image.history)
        for part in self.history or ():
            if not any(part in step for step in steps):
                return advice(f"the history of {self.name} does not have '{part}' where it should", "see it",
                              self._show_config(image))
        return ""

    def _why_other_image(self, evidence: Evidence, image: StoredImage) -> str:
        if self.base and (problem := self._why_other_base(evidence.snapshot, image)):
            return problem
        if self.same_as:
            other, problem = find(evidence.snapshot, self.store, self.same_as)
            if other is None:
                return problem
            if other.manifest.digest != image.manifest.digest:
                return advice(f"{self.name} is {short(image.manifest.digest)}, and {self.same_as} is "
                              f"{short(other.manifest.digest)}", "see both", f"jq .manifests {self.store}/index.json")
        return self._why_changed(evidence, image) if self.since else ""

    def _why_other_base(self, snapshot: Snapshot, image: StoredImage) -> str:
        other, problem = find(snapshot, self.store, self.base or "")
        if other is None:
            return problem
        ours, theirs = ([layer.blob.digest for layer in each.layers] for each in (image, other))
        shared = next((n for n, (our, their) in enumerate(zip(ours, theirs, strict=False)) if our != their),
                      min(len(ours), len(theirs)))
        if shared == (len(theirs) if self.shared is None else self.shared):
            return ""
        wanted = f"all {len(theirs)}" if self.shared is None else str(self.shared)
        return advice(f"of the layers of {self.base} {self.name} has the lowest {shared}, not {wanted}", "see both",
                      f"jq .layers {blob_path(self.store, image.manifest.digest)} "
                      f"{blob_path(self.store, other.manifest.digest)}")

    def _why_changed(self, evidence: Evidence, image: StoredImage) -> str:
        before = evidence.earlier.get(self.since or "")
        then = before.storage.image(self.store, self.name) if before else None
        if then is None:
            return f"nobody knows what {self.name} was in step '{self.since}'"
        if (then.manifest.digest == image.manifest.digest) == self.same:
            return ""
        return advice(f"{self.name} is {short(image.manifest.digest)}, and was {short(then.manifest.digest)} in step "
                      f"'{self.since}'", "see it", f"jq .manifests {self.store}/index.json")


def _json(value: Any) -> str:
    return json.dumps(thaw(value), ensure_ascii=False, separators=(",", ":"))
