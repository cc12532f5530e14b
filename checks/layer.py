from __future__ import annotations

from typing import Any

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.images import blob_path
from checks.reasoning.wording import advice, listed
from runtime.container_values import FOLDER, IMAGE, INSIDE
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import Layer as Found
from runtime.facts.storage import LayerPlace, Wanted
from runtime.values import Kind, many, whole_number

_SOME = many(INSIDE)


def _paths(value: Any) -> tuple[str, ...]:
    return () if value == [] else _SOME.parse(value)


PATHS: Kind[tuple[str, ...]] = Kind(
    "paths", "a list of paths as a container sees them, which may be empty", _paths,
    {"anyOf": [INSIDE.schema, {"type": "array", "items": INSIDE.schema}]},
    lambda value: _SOME.wrong(value) if value else [["/wrong"]])


class Layer(Check):
    """What a layer changes: the upper folder of an overlay, or the layer of an image (image-spec/layer.md).

    A whiteout takes away what a layer below has; in an opaque folder nothing is left of what is below.
    """

    path = argument(FOLDER, "the upper folder of an overlay", default=None)
    store = argument(FOLDER, "the folder of an image layout", default=None)
    image = argument(IMAGE, "an image there", default=None)
    number = argument(whole_number(1, 128), "which of its layers; the lowest is 1", default=None)
    has = argument(_SOME, "what has to be in it, as the container sees it: /bin/sh", default=())
    lacks = argument(_SOME, "what must not be in it", default=())
    files_ = argument(PATHS, "all files that it has, folders not counted", default=None)
    whiteouts = argument(PATHS, "all that it takes away", default=None)
    opaque = argument(PATHS, "all folders of which it hides what is below", default=None)

    def validate(self) -> None:
        given = sum(each is not None for each in (self.store, self.image, self.number))
        if (self.path is None, given) not in ((False, 0), (True, 3)):
            raise Mistake("", "it needs either 'path', or 'store', 'image' and 'number'")
        if both := set(self.has) & set(self.lacks):
            raise Mistake("lacks", f"{listed(sorted(both))} cannot be in it and not in it")

    def storage(self) -> Wanted:
        return Wanted(layouts=(self.store,) if self.store else (), layers=(self._place(),))

    def _place(self) -> LayerPlace:
        return LayerPlace(self.path or "", self.store or "", self.image or "", self.number or 0)

    def claim(self) -> str:
        return f"{self._named()} is a layer {self._wanted()}".rstrip()

    def _named(self) -> str:
        return self.path or f"layer {self.number} of {self.image}"

    def _wanted(self) -> str:
        exact = (("with no other file than ", self.files_), ("that takes away ", self.whiteouts),
                 ("opaque in ", self.opaque))
        return ", ".join(filter(None, (
            f"with {listed(self.has)}" if self.has else "", f"without {listed(self.lacks)}" if self.lacks else "",
            *(f"{says}{listed(paths, 'nothing')}" for says, paths in exact if paths is not None))))

    def judge(self, evidence: Evidence) -> Verdict:
        found = evidence.snapshot.storage.layer(self._place())
        expected = self._wanted() or "a layer"
        if found is None:
            return self.failed(expected, "no such layer", advice(f"there is no {self._named()}", "see what is there",
                               f"ls -l {self.path}" if self.path else f"jq . {self.store}/index.json"))
        if found.problem:
            return self.not_examined(expected, advice(f"{self._named()} cannot be read, since {found.problem}",
                                                      "see it", self._show(evidence.snapshot)))
        hint = self._why_wrong(found, self._show(evidence.snapshot))
        return self.failed(expected, _shown(found), hint) if hint else self.passed(expected, _shown(found))

    def _show(self, snapshot: Snapshot) -> str:
        if self.path:
            return f"find {self.path} -ls"
        image = snapshot.storage.image(self.store or "", self.image or "")
        blob = image.layers[(self.number or 1) - 1].blob.digest if image else ""
        return f"tar -tvf {blob_path(self.store or '', blob)}"

    def _why_wrong(self, found: Found, show: str) -> str:
        there = {*found.files, *found.folders}
        for path in self.has:
            if path not in there:
                return advice(f"{path} is not in {self._named()}", "see what is", show)
        for path in self.lacks:
            if path in there:
                return advice(f"{path} is in {self._named()}", "see what is", show)
        exact = ((self.files_, found.files, "the files"), (self.whiteouts, found.whiteouts, "whiteouts of"),
                 (self.opaque, found.opaque, "the opaque folders"))
        for wanted, is_, said in exact:
            if wanted is not None and {*wanted} != {*is_}:
                return advice(f"{self._named()} has {said} {listed(is_[:5], 'nothing')}"
                              f"{' and more' * (len(is_) > 5)}, and not {listed(wanted, 'nothing')}", "see them", show)
        return ""


def _shown(found: Found) -> str:
    parts = (("files", found.files), ("whiteouts", found.whiteouts), ("opaque folders", found.opaque))
    return listed(f"{len(paths)} {name}{f' ({listed(paths)})' if 0 < len(paths) <= 3 else ''}" for name, paths in parts)
