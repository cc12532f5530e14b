"""Where labs are found: with labrun, in the folders of LABRUN_PATH, and in installed packages that offer some."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import labs
from labrunner.catalogue.offers import offers
from labrunner.errors import UsageError, nearest
from labrunner.language.about import LAB_FILE, id_of
from labrunner.streams import printable
from runtime.errors import Problem, describe


class Catalogue(NamedTuple):
    """labs: id -> the lab.yaml files that have it, by id; there should be one.  problems: where no lab can be found."""

    labs: dict[str, list[str]]
    problems: tuple[Problem, ...]


def catalogue() -> Catalogue:
    """Every lab there is."""
    found: dict[str, list[str]] = {}
    problems: list[Problem] = []
    for place in _places():
        try:
            for lab, path in place.labs():
                _note(found.setdefault(lab, []), path)
        except OSError as error:
            problems.append(place.problem(error))
    return Catalogue({each: found[each] for each in sorted(found)}, tuple(problems))


def bundled() -> dict[str, str]:
    """The labs that come with labrun: id -> path of lab.yaml, by id."""
    return dict(sorted(_Place(next(iter(labs.__path__))).labs()))


def origin(path: str) -> str:
    """Where a lab comes from that did not come with labrun, in words; '' for one that did. path: of its lab.yaml."""
    own = os.path.realpath(path).startswith(f"{os.path.realpath(next(iter(labs.__path__)))}/")
    return "" if own else f"This lab did not come with labrun: it is {printable(os.path.abspath(path))}"


def find(lab: str) -> str:
    """The path of the lab.yaml that `lab` means: an id of the catalogue, a folder, or the file itself.

    Raises UsageError, which names the nearest id, or the files of an id that several labs have.
    """
    known = {} if "/" in lab else catalogue().labs
    if lab in known:
        return only(lab, known[lab])
    if os.path.isdir(lab) and os.path.isfile(os.path.join(lab, LAB_FILE)):
        return os.path.join(lab, LAB_FILE)
    if os.path.isfile(lab):
        return lab
    why = f"a lab is a {LAB_FILE}, or the folder that it is in"
    if os.path.isdir(lab):
        raise UsageError(f"the folder {lab} has no {LAB_FILE}", why)
    if "/" in lab or lab.endswith(".yaml"):
        raise UsageError(f"there is no file {lab}", why, "labrun list")
    raise UsageError(f"there is no lab '{lab}'", nearest(lab, list(known)), "labrun list")


def only(lab: str, paths: Sequence[str]) -> str:
    """The one file that has the id `lab`. Raises UsageError when there are several."""
    if len(paths) == 1:
        return paths[0]
    raise UsageError(f"{len(paths)} labs are called '{lab}'", " and ".join(paths),
                     f"give the folder of one of them another name; or name the one you mean by its path: {paths[-1]}")


class _Place(NamedTuple):
    """A folder that labs are looked for in, '' when it is nowhere. called, mend: for when there are no labs."""

    folder: str
    called: str = ""
    mend: str = ""

    def labs(self) -> list[tuple[str, str]]:
        """The id and the path of the lab.yaml in it, else of those one level below. Raises OSError."""
        own = os.path.join(self.folder, LAB_FILE)
        if self.folder and os.path.isfile(own):
            return [(id_of(own), own)]
        with os.scandir(self.folder) as entries:
            return [(entry.name, path) for entry in entries if os.path.isfile(path := f"{entry.path}/{LAB_FILE}")]

    def problem(self, error: OSError) -> Problem:
        """What to tell when its labs cannot be found."""
        return UsageError(f"no labs from {self.called or self.folder}", describe(error.errno or 0), self.mend)


def _places() -> Iterator[_Place]:
    yield from (_Place(folder) for folder in labs.__path__)
    for folder in filter(None, os.environ.get("LABRUN_PATH", "").split(":")):
        path = os.path.abspath(folder)
        mend = "see that it is a folder that you can read" if os.path.lexists(path) else "make that folder"
        yield _Place(path, f"{path} (in LABRUN_PATH)", f"{mend}, or take it out of LABRUN_PATH")
    for offer in offers():
        yield _Place(offer.folder, f"{offer.module} (offered by the package {offer.package})",
                     f"install {offer.package} anew, or without it: pip uninstall {offer.package}")


def _note(others: list[str], path: str) -> None:
    """One folder may be named twice, and its lab is one lab all the same."""
    if not any(os.path.samefile(path, other) for other in others):
        others.append(path)
