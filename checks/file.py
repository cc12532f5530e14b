from __future__ import annotations

from shlex import quote
from typing import Any

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.wording import advice
from runtime.facts.files import File as Found
from runtime.values import BOOLEAN, TEXT, Kind, choice, in_words

_SHOWN = 60  # characters of a text in a verdict


def _path(value: Any) -> str:
    path = str(TEXT.parse(value))
    if not path.startswith("/") or "\0" in path:
        raise ValueError(f"'{path}' is not a path that begins with /")
    return path


def _mode(value: Any) -> str:
    if not isinstance(value, str) or not 3 <= len(value) <= 4 or not set(value) <= set("01234567"):
        raise ValueError(f"{in_words(value)} is not a mode in quotes, as '644'")
    return f"{int(value, 8):03o}"


PATH: Kind[str] = Kind("path", "a path that begins with /", _path, {"type": "string", "pattern": "^/"},
                       lambda value: [f"{value}.wrong"])
MODE: Kind[str] = Kind("mode", "permissions in octal, in quotes, as '644'", _mode,
                       {"type": "string", "pattern": "^[0-7]{3,4}$"},
                       lambda value: [f"{int(value, 8) ^ bit:03o}" for bit in (0o001, 0o222, 0o444)])


class File(Check):
    """A file or folder of the lab host, and what is true of it. Of a link: of what it leads to.

    It is read from outside, and at most 64 KiB of it; no program is involved.
    """

    main = "path"
    path = argument(PATH, "where")
    exists = argument(BOOLEAN, "whether something has to be there", default=True)
    kind = argument(choice("file", "folder", "link", "fifo", "socket", "device"), "what it has to be", default=None)
    mode = argument(MODE, "its permissions (chmod(1))", default=None)
    contains = argument(TEXT, "a text that has to be in it", default=None)
    text = argument(TEXT, "the whole text that it has to hold", default=None)

    def validate(self) -> None:
        properties = [self.kind, self.mode, self.contains, self.text]
        if not self.exists and any(each is not None for each in properties):
            raise Mistake("exists", "what is not there has no kind, mode or text")
        if self.contains == "":
            raise Mistake("contains", "an empty text is in every file: write a part of it; of an empty one, text: ''")

    def files(self) -> tuple[str, ...]:
        return (self.path,)

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        if not self.exists:
            return f"there is no {self.path}"
        wanted = self._wanted()
        return f"{self.path} is {f'there, {wanted}' if wanted.startswith('with') else wanted}"

    def _wanted(self) -> str:
        parts = [f"a {self.kind}" if self.kind else "", f"with the mode {self.mode}" if self.mode else "",
                 f"with '{self.contains}' in it" if self.contains is not None else "",
                 f"with the text {_excerpt(self.text)}" if self.text is not None else ""]
        return ", ".join(filter(None, parts)) or "there"

    def judge(self, evidence: Evidence) -> Verdict:
        found = evidence.snapshot.file(self.path)
        expected = self._wanted() if self.exists else "nothing there"
        if found and found.problem and self.exists and (self.contains, self.text) != (None, None):
            return self.not_examined(expected, advice(
                f"{self.path} cannot be read as a text of at most 64 KiB, since {found.problem}", "see",
                f"ls -ld {quote(self.path)}"))
        actual = _shown(found) if found else "nothing there"
        hint = self._why_wrong(found)
        return self.failed(expected, actual, hint) if hint else self.passed(expected, actual)

    def _why_wrong(self, found: Found | None) -> str:
        """What is wrong and how to mend it; '' when all is right. What a file holds has no place in a hint."""
        path, where = quote(self.path), quote(self.path.rpartition("/")[0] or "/")
        if found is None:
            make = advice(f"there is no {self.path}", "make it", f"mkdir -p {path}") if self.kind == "folder" else (
                advice(f"there is no {self.path}", "see what is there", f"ls -la {where}"))
            return make if self.exists else ""
        if not self.exists:
            return advice(f"{self.path} is still there", "delete it", f"rm {'-r ' * (found.kind == 'folder')}{path}")
        is_ = "link" if self.kind == "link" and found.target else found.kind
        if self.kind and is_ != self.kind:
            return advice(f"{self.path} is a {is_}, not a {self.kind}", "see", f"ls -ld {path}")
        if self.mode and found.mode != self.mode:
            return advice(f"{self.path} has the mode {found.mode}, not {self.mode}", "change it",
                          f"chmod {self.mode} {path}")
        return self._why_other_text(found)

    def _why_other_text(self, found: Found) -> str:
        wanted = self.contains if self.text is None else self.text
        if wanted is None:
            return ""
        path = quote(self.path)
        see = f"cat {path}"
        if found.text is None:
            return advice(f"{self.path} cannot be read as a text of at most 64 KiB", "see", f"ls -ld {path}")
        if self.text is not None and found.text != self.text:
            return advice(f"{self.path} does not hold the text that it has to", "see what it holds", see)
        if self.contains is not None and self.contains not in found.text:
            return advice(f"{self.path} does not contain what it has to", "see what it holds", see)
        return ""


def _shown(found: Found) -> str:
    link = f", a link to {found.target}" if found.target else ""
    size = f", {found.size} bytes" if found.kind == "file" else ""
    text = f", {_excerpt(found.text)}" if found.text else ""
    return f"a {found.kind}{link} with the mode {found.mode}{size}{text}"


def _excerpt(text: str) -> str:
    """The beginning of a text, on one line."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
