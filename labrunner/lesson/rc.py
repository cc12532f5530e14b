"""What the shells of a lab read when they begin: first the learner's own settings, then how they ask what is new.

Before each prompt they write what was typed into the pipe of labrunner/lesson/prompt.py, and read the answer: its first
line goes into the prompt, the rest is printed above it. They wait for it at most five seconds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from shutil import which
from typing import NamedTuple

from runtime.errors import Missing
from runtime.programs import PATH

KINDS = ("bash", "zsh")
_FOLDER = "/run/labrun"
_LARGEST = 1 << 18  # bytes of a person's own settings
_OWN_FILES = {"bash": ".bashrc", "zsh": ".zshrc"}
# What these files read, and what a person wants to find who edits a file: nothing else of a home folder comes in.
_COPIED = (".bash_aliases", ".aliases", ".zshenv", ".zsh_aliases", ".dircolors", ".vimrc", ".exrc", ".nanorc")
# After a NUL the shell reads no further. \\[ and \\] stand around what takes no room (bash(1), PROMPTING).
_BASH = rf"""
[ ! -s {_FOLDER}/own.bash ] || . {_FOLDER}/own.bash 2> /dev/null  # most of what it may want is not here
HISTFILE={_FOLDER}/history HISTTIMEFORMAT=
shopt -s histappend
[ "$SHLVL" -lt 2 ] || {{ history -r; HISTFILE=; }} 2> /dev/null  # one in another writes down nothing when it ends
mkfifo {_FOLDER}/$$ 2> /dev/null
{{ exec {{labrun_news}}<> {_FOLDER}/$$; }} 2> /dev/null
labrun_prompt() {{
    local status=$? said= typed number LC_ALL=C
    typed=$(history 1)
    typed=${{typed#"${{typed%%[0-9]*}}"}}
    number=${{typed%%[^0-9]*}}
    [ "$number" != "$labrun_last" ] || typed=$number
    [ -n "$labrun_last" ] || typed=$number
    labrun_last=${{number:-0}}
    typed=${{typed#"$number"}}
    [ ${{#typed}} -lt 3500 ] || typed=
    {{ [ -p {_FOLDER}/asking ] && printf 'shell\037%s\037%s\037%s\037%s\037%s\037%s\0' $$ $status \
            "${{COLUMNS:-80}}" "${{NO_COLOR:+0}}" "$PWD" "$typed" >> {_FOLDER}/asking &&
        IFS= read -r -d "" -t 5 -u "$labrun_news" said; }} 2> /dev/null
    PS1="${{said%%$'\n'*}}"' \w \$ '
    [ -n "$NO_COLOR" ] && PS1="labhost $PS1" || PS1='\[\e[1m\]labhost\[\e[0m\] '"$PS1"
    [ "$said" = "${{said#*$'\n'}}" ] || printf %s "${{said#*$'\n'}}"
    return $status
}}
PROMPT_COMMAND=labrun_prompt
"""
_ZSH = rf"""
[[ ! -s ~/.zshenv ]] || source ~/.zshenv 2> /dev/null
ZDOTDIR={_FOLDER}/zsh
[[ ! -s {_FOLDER}/own.zsh ]] || source {_FOLDER}/own.zsh 2> /dev/null
HISTFILE={_FOLDER}/history HISTSIZE=1000 SAVEHIST=1000
setopt INC_APPEND_HISTORY INTERACTIVE_COMMENTS
mkfifo {_FOLDER}/$$ 2> /dev/null
{{ exec {{labrun_news}}<> {_FOLDER}/$$ }} 2> /dev/null
labrun_preexec() {{ labrun_typed=$1 }}
labrun_precmd() {{
    local labrun_status=$? said= typed=$labrun_typed
    labrun_typed=
    [[ ${{#typed}} -lt 3500 ]] || typed=
    {{ [[ -p {_FOLDER}/asking ]] && printf 'shell\037%s\037%s\037%s\037%s\037%s\037%s\0' $$ $labrun_status \
            "${{COLUMNS:-80}}" "${{NO_COLOR:+0}}" "$PWD" "$typed" >> {_FOLDER}/asking &&
        IFS= read -r -d $'\0' -t 5 -u $labrun_news said }} 2> /dev/null
    PROMPT="labhost ${{${{said%%$'\n'*}}//\%/%%}} %~ %# "
    [[ -n "$NO_COLOR" ]] || PROMPT="%Blabhost%b${{PROMPT#labhost}}"
    [[ "$said" == "${{said#*$'\n'}}" ]] || printf %s "${{said#*$'\n'}}"
}}
autoload -Uz add-zsh-hook
add-zsh-hook preexec labrun_preexec
add-zsh-hook precmd labrun_precmd
"""
RC_FILES: Mapping[str, str] = {f"{_FOLDER}/bashrc": _BASH, f"{_FOLDER}/zsh/.zshrc": _ZSH}


def home_files(home: str) -> dict[str, str]:
    """What makes every bash that is started in the lab such a shell: `ip netns exec c1 bash`, `su -`. Path -> text."""
    return {f"{home}/{name}": f". {_FOLDER}/bashrc\n" for name in (".bashrc", ".bash_profile")}


class Shell(NamedTuple):
    """The shell that a learner is used to. rc, inputrc: what they have written for it, '' for nothing.

    home: other settings that belong in the home folder: name -> text.
    """

    kind: str
    rc: str = ""
    inputrc: str = ""
    home: tuple[tuple[str, str], ...] = ()


def own_shell(kind: str = "") -> Shell:
    """That of this user. kind: 'bash' or 'zsh', '' for the one they log in with, where it is one of these.

    Raises Missing where it is not installed.
    """
    wanted = (kind,) if kind else (os.path.basename(os.environ.get("SHELL", "")), *KINDS)
    found = next((each for each in wanted if each in KINDS and which(each, path=PATH)), "")
    if not found:
        why = f"{kind} is not here" if kind else f"neither {' nor '.join(KINDS)} is here"
        raise Missing("the lab's shell cannot be started", why, f"sudo apt install {kind or KINDS[0]}")
    home = tuple((name, text) for name in _COPIED if (text := _text(name)))
    return Shell(found, _text(_OWN_FILES[found]), _text(".inputrc") or "$include /etc/inputrc\n", home)


def _text(name: str) -> str:
    path = os.path.expanduser(f"~/{name}")
    if os.path.isfile(path):  # to open a FIFO would wait for a writer
        with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST).replace("\0", "")
    return ""
