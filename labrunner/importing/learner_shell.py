"""What a shell keeps from one command of the notes to the next, while each `run` of a lab is a shell of its own."""

from __future__ import annotations

import re

_CD = re.compile(r"cd\s+(\S+)$")
_ASSIGNED = re.compile(r"(?:export\s+|readonly\s+|local\s+)?([A-Za-z_]\w*)="
                       r"(\"[^\"]*\"|'[^']*'|\$\(.*\)|`.*`|[^\s;&|]*)$", re.DOTALL)
_NOTHING_ELSE = re.compile(r"set\s+[-+]\w+(?:\s+\w+)?|clear|exit|logout|history|pwd")
_PLAIN = re.compile(r"[\w./:@%+,-]*")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:[^A-Za-z_}][^}]{0,200})?\})")
_SET_INSIDE = re.compile(r"(?:^|[\s;&|(])(?:for\s+|read\s+(?:-\w+\s+)*)?([A-Za-z_]\w*)(?==|\s+in\b|\s*(?:$|[;|&\n]))")
# does the same in every folder
_ANYWHERE = re.compile(r"(?:ip|bridge|ip6?tables)(?! -b|.* (?:exec|obj) ) [\w ./:!,@+-]+")
_LONGEST_VALUE = 1000
_KNOWN = frozenset(("HOME", "PATH", "PWD", "USER", "SHELL", "RANDOM", "HOSTNAME", "TMPDIR", "IFS", "UID"))


class LearnerShell:
    """The folder and the variables of whoever types the commands of the notes."""

    def __init__(self) -> None:
        self._folders: list[str] = []
        self._values: dict[str, str] = {}

    def keeps(self, text: str) -> bool:
        """Whether a command only changes the shell itself. What it changes is kept."""
        folder, assigned = _CD.fullmatch(text), _ASSIGNED.fullmatch(text)
        if folder:
            self._enter(self.filled(folder[1]))
        elif assigned:
            value = self.filled(assigned[2])
            self._values.pop(assigned[1], None)
            if len(value) < _LONGEST_VALUE:  # a=$a$a, again and again
                self._values[assigned[1]] = value
        return bool(folder or assigned) or bool(_NOTHING_ELSE.fullmatch(text))

    def _enter(self, folder: str) -> None:
        if folder.startswith(("/", "~")):
            self._folders.clear()
        self._folders.append(folder)

    def unset(self, text: str) -> str:
        """The first variable in a command that nothing in the notes sets, as '$NAME'; ''."""
        bare = re.sub(r"'[^']*'", "", text)
        inside = set(_SET_INSIDE.findall(bare))
        for found in _VARIABLE.finditer(bare):
            name = found[1] or found[2]
            if not (name in self._values or name in _KNOWN or name in inside):
                return found[0]
        return ""

    def filled(self, text: str) -> str:
        """A command with the plain values of its variables."""
        def value(found: re.Match[str]) -> str:
            kept = self._values.get(found[1] or found[2], "").strip("\"'")
            braced_whole = not found[2] or found[0] == f"${{{found[2]}}}"
            return kept if kept and braced_whole and _PLAIN.fullmatch(kept) else found[0]

        return "".join(piece if piece.startswith("'") else _VARIABLE.sub(value, piece)
                       for piece in re.split(r"('[^']*')", text))

    def alone(self, text: str) -> str:
        """A filled command so that a shell of its own can run it: in the right folder, with what it needs to know."""
        needed = dict.fromkeys(found[1] or found[2] for found in _VARIABLE.finditer(text))
        sets = [f"{name}={self._values[name]}" for name in needed if name in self._values]
        folders = () if _ANYWHERE.fullmatch(text) else self._folders
        return " && ".join([*(f"cd {folder}" for folder in folders), *sets, text])
