"""Markdown notes as parts: a heading, an item of a list, or what comes after the list, each with its code."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from os.path import basename, splitext
from textwrap import dedent, wrap
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from labrunner.errors import Place, UsageError
from labrunner.input_file import LARGEST, read_input
from labrunner.language.composing import STRANGE

_STRANGE = re.compile(f"{STRANGE.pattern}|\ufeff")
UNSHOWABLE = "\ufffd"  # in place of a control character
_LARGEST_FILE, _MOST_LINES = 1 << 20, 20_000
_RULES = ("fence", "code", "heading", "lheading", "list", "blockquote", "hr", "html_block", "backticks", "escape")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:(?!---).*\n){0,100}?---[ \t]*\n")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_TRAILING_CODE = re.compile(r"[\s:,;(-]*(?:\b(?:by|with|using|as|like|run|running|via|is|type|use|for example|e\.g\.)"
                            r"[\s:,]*)?(?:`[^`]+`[\s.,;:)]*)+$")
_MARKER = re.compile(r"\s*(?:[-+*]|\d{1,9}[.)])(?:\s+|$)")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_TEMPLATE = re.compile(r"\{(?=[{%])")
_CONNECTIVES = frozenset(("and", "then", "or", "also"))
_FENCE = re.compile(r"\s*(?:```|~~~)")
_OPENING = re.compile(r" *(```+|~~~+)([^`]*)")
_LANGUAGE = re.compile(r"[\s{.]*([\w+#-]+)")
_TASK = re.compile(r"\s*\[[ xX]\]\s+")
_MARKUP = re.compile(r"\s*(?:[-+*#>|=~]|\d+[.)]|```)")
_LONGEST_TITLE, _LONGEST_SAID = 70, 500
_WIDTH, _LONGEST_LINE = 112, 20_000


class Snippet(NamedTuple):
    """A piece of code.

    line: the first of its lines, from 1.  language: the word after its ```; None for code in a sentence.
    lines: of a block, those that it takes up in the notes, from 0.
    """

    text: str
    line: int
    language: str | None
    lines: range = range(0)


class Part(NamedTuple):
    """What may become a step.

    line: where it begins, from 1.  lines: those of the notes that its text takes up, from 0.
    item: whether it is one item of a list.
    heading: number of the heading that it stands under; the first part of each heading is the heading's own.
    """

    title: str
    line: int
    lines: range
    item: bool
    heading: int
    snippets: tuple[Snippet, ...]


class Notes(NamedTuple):
    """Notes as they were read. title: that of the first heading, or the file's name."""

    name: str
    title: str
    lines: Sequence[str]
    parts: tuple[Part, ...]


def read_notes(path: str) -> Notes:
    """The notes in the file `path`. Raises UsageError."""
    text = _FRONT_MATTER.sub(lambda found: "\n" * found[0].count("\n"), _read(path), count=1)
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        raise UsageError(f"{path} has more than {_MOST_LINES} lines", "notes are a few pages of text", "split them")
    parser = MarkdownIt("zero", {"html": True}).enable(_RULES)
    builder = _Builder(lines)
    blocks = [*_blocks(parser.parse(text), 0)]
    for block, following in zip(blocks, [*blocks[1:], ()], strict=False):
        builder.take(block, any(token.type in ("fence", "code_block") for token in following[:1]))
    name = basename(path)
    return Notes(name, builder.title or splitext(name)[0], lines, tuple(builder.parts()))


def prose(notes: Notes, part: Part, without: Sequence[range], title: str) -> str:
    """The text of a part as Markdown, without the lines `without`, and without a first line that is the title."""
    left_out = {number for lines in without for number in lines}
    kept = [_TEMPLATE.sub("{ ", notes.lines[number].expandtabs(4).rstrip())
            for number in part.lines if number not in left_out]
    if not kept:
        return ""
    first = _MARKER.sub("", kept[0], count=1) if part.item else kept[0]
    if title_of(first) == title and len(first) <= _LONGEST_TITLE:
        kept = _dedented(kept[1:])
    elif part.item and part.title == title:
        kept = [first, *_dedented(kept[1:])]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_wrapped(kept))).strip("\n")


def title_of(text: str) -> str:
    """A line of Markdown as a title; '' when there are no words in it."""
    plain = _LINK.sub(r"\1", _TEMPLATE.sub("{ ", text)).replace("`", "").replace("*", "")
    words = " ".join(plain.split()).strip(" ,;:.-#")
    if len(words) > _LONGEST_TITLE:
        start = words[:_LONGEST_TITLE]
        clause = re.match(r"(.{20,}[^,;:.(]),? ?[,;:.(] ", start)
        words = clause[1].rstrip() if clause else start.rpartition(" ")[0] or start
    return words if text.lstrip().startswith("`") else words[:1].upper() + words[1:]


def _read(path: str) -> str:
    data = read_input(path)
    if len(data) > LARGEST:
        raise UsageError(f"{path} is larger than 1 MiB", "notes are a few pages of text", "split them")
    data = data.removeprefix(BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        place = Place(path, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise UsageError(f"{place}: not UTF-8", mend="save the file as UTF-8") from error
    return _STRANGE.sub(UNSHOWABLE, text.replace("\r\n", "\n").replace("\r", "\n"))


def _blocks(tokens: Sequence[Token], level: int) -> Iterator[Sequence[Token]]:
    """The blocks at `level`, each with all the tokens that are in it."""
    begun = None
    for at, token in enumerate(tokens):
        if token.level != level or token.type == "inline":
            continue
        if token.nesting >= 0:
            begun = at
        if token.nesting <= 0 and begun is not None:
            yield tokens[begun : at + 1]


class _Builder:
    """Puts blocks together to parts."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.title = ""
        self._lines = lines
        self._heading = 0
        self._made: list[tuple[Part, list[Snippet]]] = []

    def parts(self) -> Iterator[Part]:
        """What was put together so far."""
        for part, snippets in self._made:
            yield part._replace(snippets=tuple(snippets))

    def take(self, block: Sequence[Token], before_code: bool) -> None:
        """A block of the top level. before_code: whether a block of code comes next."""
        if block[0].type == "heading_open":
            self._begin_heading(block)
        elif block[0].type in ("bullet_list_open", "ordered_list_open"):
            items = list(_blocks(block, 1))
            for item in items:
                self._take_item(item, before_code and item is items[-1])
        else:
            title = _first_words(block)
            if not self._made or (title and self._made[-1][0].item):
                self._begin(title, _lines_of(block), item=False)
            self._extend(block)

    def _begin_heading(self, block: Sequence[Token]) -> None:
        title, end = title_of(block[1].content), _lines_of(block).stop
        self._heading += 1
        self.title = self.title or title
        self._begin(title, range(end, end), item=False, line=_lines_of(block).start + 1)
        self._made[-1][1].extend(_snippets(block))

    def _take_item(self, item: Sequence[Token], before_code: bool) -> None:
        """An item with words and code is a part of its own. Others belong to what is before them."""
        title = _first_words(item)
        if not self._made or (title and (before_code or any(_snippets(item)))):
            self._begin(title, _lines_of(item), item=True)
        self._extend(item)

    def _begin(self, title: str, lines: range, item: bool, line: int = 0) -> None:
        """line: where it begins, when it is not where its text does."""
        nothing = range(lines.start, lines.start)
        self._made.append((Part(title, line or lines.start + 1, nothing, item, self._heading, ()), []))

    def _extend(self, block: Sequence[Token]) -> None:
        part, snippets = self._made[-1]
        snippets.extend(_snippets(block))
        self._made[-1] = part._replace(lines=range(part.lines.start, _lines_of(block).stop)), snippets


def _snippets(block: Sequence[Token]) -> Iterator[Snippet]:
    """All code in a block."""
    for token in block:
        lines = range(*token.map) if token.map else range(0)
        if token.type == "fence":
            yield Snippet(token.content, lines.start + 2, _language(token.info), lines)
        elif token.type == "code_block" and any(map(_OPENING.fullmatch, token.content.split("\n"))):
            yield from _in_tab(token, lines.start)
        elif token.type == "code_block":
            yield Snippet(token.content, lines.start + 1, "", lines)
        elif token.type == "inline":
            yield from _in_sentence(token, lines.start + 1)


def _language(info: str) -> str:
    """bash, of ```bash, ```bash {1,3} and ```{.bash .numberLines}"""
    found = _LANGUAGE.match(info)
    return found[1].lower() if found else ""


def _in_tab(token: Token, begin: int) -> Iterator[Snippet]:
    """Fences that are indented, below a line as `=== "Debian"` of MkDocs. begin: the line of the first, from 0."""
    written = token.content.rstrip("\n").split("\n")
    opened, start = None, 0
    for number, line in enumerate([*written, None]):
        if opened and (line is None or line.strip() == opened[1]):
            text = dedent("\n".join(written[start + 1 : number]))
            yield Snippet(text, begin + start + 2, _language(opened[2]), range(begin + start, begin + number + 1))
            opened = None
        elif line and not opened:
            opened, start = _OPENING.fullmatch(line), number


def _in_sentence(token: Token, line: int) -> Iterator[Snippet]:
    content, at = token.content.replace("\n", " "), 0
    for child in token.children or ():
        if child.type == "code_inline":
            found = max(content.find(child.content, at), at)
            line += token.content.count("\n", at, found)
            at = found
            yield Snippet(child.content, line, None)


def _lines_of(block: Sequence[Token]) -> range:
    return range(*(block[0].map or (0, 0)))


def _first_words(block: Sequence[Token]) -> str:
    """The first line of a block that has words beside its code, as a title."""
    for token in block:
        if token.type == "inline":
            for line in (_TASK.sub("", line[:_LONGEST_SAID], count=1) for line in token.content.split("\n")):
                words = re.findall(r"[^\W\d_]+", _CODE.sub("", line))
                if words and not _CONNECTIVES.issuperset(word.lower() for word in words):
                    return title_of(_TRAILING_CODE.sub("", line))
    return ""


def _wrapped(lines: Sequence[str]) -> Iterator[str]:
    """Long lines of text become several. Code stays as it is, and so does what would become other Markdown by it."""
    in_code = False
    for line in lines:
        in_code ^= bool(_FENCE.match(line))
        text = line.lstrip()
        if in_code or text.startswith("`") or not _WIDTH < len(line) < _LONGEST_LINE:
            yield line
            continue
        indent = " " * (len(line) - len(text))
        pieces = wrap(line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        yield from [line] if any(_MARKUP.match(piece) for piece in pieces[1:]) else pieces


def _dedented(lines: Sequence[str]) -> list[str]:
    depth = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return [line[depth:] for line in lines]
