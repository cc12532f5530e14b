"""Root file systems of images that docker or podman has: of a container that is created, exported, and never started.

labrun may be killed at any moment, and the user's daemon must not keep that container. So another process has charge of
it, in a session of its own: a shell whose last deed is to remove it. Its standard input ends with labrun, and then it
kills the export. (Without a reader that would end as well, were not podman its own reader: it opens /dev/stdout to read
and write, and then heeds no SIGTERM.) The creating is not killed, since a daemon would go on with it; when it hangs,
the shell waits.

No image is pulled: it is asked for by its digest, which no registry is asked for, and with --pull never.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from shlex import quote

from runtime.errors import Missing, Problem, Refused
from runtime.oci.image import layout_tar
from runtime.oci.image.blobs import opened
from runtime.oci.image.docker_archive import find_image
from runtime.oci.rootfs.exporting import Failed, Hangs, run
from runtime.oci.tar.archive import export, write_all
from runtime.oci.tar.cache import unnamed
from runtime.oci.tar.streams import LIMITS, Unfit, counted, refused
from runtime.programs import how_to_install

PATIENCE = 60.0  # seconds without progress
_LONGEST_ANSWER = 4096  # bytes
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_PACKAGES = {"docker": "docker.io"}
# $0: the program.  $1: a name for the container.  $2: the digest of the image.
# To tell that $export was killed, the shell writes to its standard error, which labrun has closed: hence PIPE.
# An image that was imported has no command of its own, hence `true`: it is never run.
_EXPORT = """
exec 3<&0 </dev/null
trap 'exit 129' HUP INT TERM
trap : PIPE
trap 'exec >&- 2>&-; [ -z "$watch" ] || kill $watch; "$0" rm --force --volumes "$1"' EXIT
"$0" create --pull never --name "$1" "$2" true >/dev/null 3<&- || exit
"$0" export "$1" 3<&- &
export=$!
{ read -r _ <&3; kill -KILL $export; } >&- 2>&- &
watch=$!
wait $export
"""
_ABSENT = re.compile(r"no such (image|object)|image not known", re.IGNORECASE)
_CLOSED = re.compile(r"permission denied", re.IGNORECASE)
_DOWN = re.compile(r"cannot connect|daemon running|connection refused|no such host", re.IGNORECASE)


def archive(program: str, image: str, progress: Callable[[int], None], patience: float = PATIENCE) -> int:
    """A descriptor of the vetted tar of an image: see archive.py. Raises Refused, Missing.

    program: 'docker', 'podman'.  patience: seconds in which something has to come.
    """
    digest = _digest(program, image, patience)
    name = f"labrun-export-{os.urandom(8).hex()}"
    shown = f"{program} export $({program} create {quote(image)})"
    tar = run(["/bin/sh", "-c", _EXPORT, program, name, digest], patience, kill=False)
    try:
        return export(program, digest, [tar], progress)
    except (Failed, Hangs) as error:
        raise _problem(program, image, shown, error) from None
    except (Unfit, OSError) as error:
        raise refused(f"take the root file system of the image {image}", error, f"{shown} | tar -tv") from None
    finally:
        tar.close()


def layout(program: str, image: str, progress: Callable[[int], None], patience: float = PATIENCE) -> int:
    """A descriptor of the vetted image itself: see runtime.oci.image.layout_tar. The rest: as for `archive`."""
    digest = _digest(program, image, patience)
    shown = f"{program} save {quote(image)}"
    words = [program, "save", *(["--format", "docker-archive"] if program == "podman" else []), digest]
    tar, file = run(words, patience, kill=True), unnamed()
    try:
        for piece in counted(tar, LIMITS.unpacked, progress):
            write_all(file, piece)
        with opened(f"/proc/self/fd/{file}", folder=False) as find:
            return layout_tar.export(program, find_image(find, ""), progress)
    except (Failed, Hangs) as error:
        raise _problem(program, image, shown, error) from None
    except (Unfit, OSError) as error:
        raise refused(f"take the image {image}", error, f"{shown} | tar -tv") from None
    finally:
        tar.close()
        os.close(file)


def _digest(program: str, image: str, patience: float) -> str:
    """The digest of an image, by which the daemon finds it, and no registry is asked."""
    words = [program, "image", "inspect", "--format", "{{.Id}}", image]
    shown = f"{program} image inspect {quote(image)}"
    answer, pieces = b"", run(words, patience, kill=True)
    try:
        for piece in pieces:
            answer += piece
            if len(answer) > _LONGEST_ANSWER:
                break
    except FileNotFoundError:
        raise Missing(f"{program} is not installed", f"'{shown}' needs it", _how_to_install(program)) from None
    except OSError as error:
        raise Refused(shown, error.errno or 0, mend=f"command -v {program}") from None
    except (Failed, Hangs) as error:
        raise _problem(program, image, shown, error) from None
    finally:
        pieces.close()
    match = _ID.fullmatch(answer.decode(errors="replace").strip())
    if not match:
        raise Refused(shown, why=f"exit status 0, but it told no digest: {answer[:80]!r}",
                      mend=f"is {program} the one that it should be? {program} --version")
    return f"sha256:{match[1]}"


def _problem(program: str, image: str, shown: str, error: Failed | Hangs) -> Problem:
    """What a program said, and what to do next."""
    said, why = error.said if isinstance(error, Failed) else "", f"'{shown}': {error}"
    if _DOWN.search(said) and program == "docker":
        return Missing("the docker daemon does not run", why, "sudo systemctl start docker")
    if _CLOSED.search(said) and program == "docker":
        return Missing("the docker daemon does not let you in", why,
                       'sudo usermod -aG docker "$USER", then log out and in again')
    if _ABSENT.search(said):
        return Refused(f"{program} has no image {image}", why=why, mend=f"{program} pull {quote(image)}")
    return Refused(f"take the root file system of the image {image}", why=why,
                   mend=f"try it in a shell of your own: {shown} | tar -tv")


def _how_to_install(program: str) -> str:
    return "sudo apt install docker.io" if program == "docker" else how_to_install(program)
