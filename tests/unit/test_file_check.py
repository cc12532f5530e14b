"""The check file, passing and failing, and the hint that a learner reads then. Files made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from checks.file import MODE, PATH, File
from checks.language.check import Evidence, Verdict
from checks.language.statement import Mistake
from checks.reasoning.wording import command_of
from runtime.facts.files import File as Found
from runtime.facts.snapshot import Snapshot

X, D = "/tmp/x", "/tmp/d"
PAGE = Found(X, "file", "644", 6, "", "hello\n", "5891b5b522d5")
LINK = Found(X, "link", "777", 7, "nowhere")
FOLDER = Found(D, "folder", "755", 40)


def _judge(check: File, *found: Found) -> Verdict:
    return check.judge(Evidence(Snapshot((), (), found), {}))


@pytest.mark.parametrize(("check", "found", "expected", "actual"), [
    (File(path=X), (PAGE,), "there", "a file with the mode 644, 6 bytes, 'hello\\n'"),
    (File(path=X, exists=False), (FOLDER,), "nothing there", "nothing there"),
    (File(path=X, kind="file", mode="0644", contains="ell"), (FOLDER, PAGE),
     "a file, with the mode 644, with 'ell' in it", "a file with the mode 644, 6 bytes, 'hello\\n'"),
    (File(path=X, text="hello\n"), (PAGE,), "with the text 'hello\\n'",
     "a file with the mode 644, 6 bytes, 'hello\\n'"),
    (File(path=X, text=""), (PAGE._replace(text="", size=0),), "with the text ''", "a file with the mode 644, 0 bytes"),
    (File(path=D, kind="folder"), (FOLDER,), "a folder", "a folder with the mode 755"),
    (File(path=X, kind="link"), (LINK,), "a link", "a link, a link to nowhere with the mode 777"),
    (File(path=X, kind="link", contains="hello"), (PAGE._replace(target="y"),), "a link, with 'hello' in it",
     "a file, a link to y with the mode 644, 6 bytes, 'hello\\n'"),
])
def test_it_passes(check: File, found: tuple[Found, ...], expected: str, actual: str) -> None:
    verdict = _judge(check, *found)
    assert (verdict.outcome, verdict.expected, verdict.actual, verdict.hint) == ("pass", expected, actual, "")


@pytest.mark.parametrize(("check", "found", "hint"), [
    (File(path=X), (), "there is no /tmp/x; see what is there: ls -la /tmp"),
    (File(path="/x"), (), "there is no /x; see what is there: ls -la /"),
    (File(path=D, kind="folder"), (), "there is no /tmp/d; make it: mkdir -p /tmp/d"),
    (File(path=X, exists=False), (PAGE,), "/tmp/x is still there; delete it: rm /tmp/x"),
    (File(path=D, exists=False), (FOLDER,), "/tmp/d is still there; delete it: rm -r /tmp/d"),
    (File(path=X, kind="folder"), (PAGE,), "/tmp/x is a file, not a folder; see: ls -ld /tmp/x"),
    (File(path=X, kind="link"), (PAGE,), "/tmp/x is a file, not a link; see: ls -ld /tmp/x"),
    (File(path=X, kind="file"), (LINK,), "/tmp/x is a link, not a file; see: ls -ld /tmp/x"),
    (File(path=X, mode="755"), (PAGE,), "/tmp/x has the mode 644, not 755; change it: chmod 755 /tmp/x"),
    (File(path=X, contains="bye"), (PAGE._replace(text=": rm -rf /"),),
     "/tmp/x does not contain what it has to; see what it holds: cat /tmp/x"),
    (File(path=X, text="hello"), (PAGE,),
     "/tmp/x does not hold the text that it has to; see what it holds: cat /tmp/x"),
    (File(path=X, text="hello\n", contains="bye"), (PAGE,),
     "/tmp/x does not contain what it has to; see what it holds: cat /tmp/x"),
    (File(path=X, contains="x"), (PAGE._replace(text=None),),
     "/tmp/x cannot be read as a text of at most 64 KiB; see: ls -ld /tmp/x"),
    (File(path="/tmp/a b", mode="755"), (PAGE._replace(path="/tmp/a b"),),
     "/tmp/a b has the mode 644, not 755; change it: chmod 755 '/tmp/a b'"),
])
def test_it_fails(check: File, found: tuple[Found, ...], hint: str) -> None:
    verdict = _judge(check, *found)
    assert (verdict.outcome, verdict.hint) == ("fail", hint)
    assert command_of(hint)


@pytest.mark.parametrize(("check", "claim"), [
    (File(path=X), "/tmp/x is there"),
    (File(path=X, exists=False), "there is no /tmp/x"),
    (File(path=X, text="ab"), "/tmp/x is there, with the text 'ab'"),
    (File(path=X, kind="file", mode="600", contains="a", text="ab"),
     "/tmp/x is a file, with the mode 600, with 'a' in it, with the text 'ab'"),
])
def test_claims(check: File, claim: str) -> None:
    assert check.claim() == claim
    assert check.files() == (X,)


@pytest.mark.parametrize(("given", "says"), [
    ({"path": "tmp/x"}, "'tmp/x' is not a path that begins with /"),
    ({"path": "/\0"}, "is not a path"),
    ({"path": X, "mode": 644}, "644 is not a mode in quotes, as '644'"),
    ({"path": X, "mode": "888"}, "'888' is not a mode"),
    ({"path": X, "mode": "u+x"}, "'u\\+x' is not a mode"),
    ({"path": X, "exists": False, "contains": ""}, "what is not there has no kind, mode or text"),
    ({"path": X, "kind": "directory"}, "'directory' is not one of file, folder"),
])
def test_mistakes(given: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        File(**given)


def test_what_is_spoiled_is_another_value_of_its_kind() -> None:
    for kind, value in ((PATH, X), (MODE, "644"), (MODE, "755"), (MODE, "000")):
        assert kind.wrong(value)
        assert value not in [kind.parse(wrong) for wrong in kind.wrong(value)]
