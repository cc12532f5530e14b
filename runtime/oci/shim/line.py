"""One exchange of a conversation with a program."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """What is typed, and what is waited for then.

    typed: '' when nothing is.  enter: whether Enter follows.  within: seconds.
    expect: a regular expression (re), searched in each line and over several; '' when nothing is waited for.
    """

    typed: str = ""
    enter: bool = True
    expect: str = ""
    within: float = 5.0
