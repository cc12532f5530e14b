"""The sources of root file systems, written as containers-transports(5) has it, and the command for each.

    machine                         this machine's own programs
    docker-daemon:IMAGE             an image that docker has
    podman:IMAGE                    an image that podman has
    oci:PATH[:REFERENCE]            an OCI image layout, a folder or a tar
    docker-archive:PATH[:REFERENCE] what `docker save` writes
"""

from __future__ import annotations

import os
from collections.abc import Callable
from shlex import quote
from typing import NamedTuple, Protocol

from runtime.errors import Refused
from runtime.oci.rootfs import machine

Progress = Callable[[int], None]

FORMS = "machine, docker-daemon:IMAGE, podman:IMAGE, oci:PATH[:REFERENCE], docker-archive:PATH[:REFERENCE]"
_PROGRAMS = {"docker-daemon": "docker", "podman": "podman"}
MACHINE = "machine"
AS_IMAGE = "image:"
_FILES = ("oci", "docker-archive")


def _silent(_: int) -> None:
    pass


class Source(Protocol):
    """Where a root file system comes from."""

    def command(self, to: str, options: str = "") -> str:
        """The shell command that a person types to have it in the folder `to`. options: for tar(1)."""

    def archive(self, progress: Progress = _silent) -> int:
        """A close-on-exec descriptor of a vetted tar of it, at its start, to be read only. For outside of the sandbox.

        progress: is told how many bytes were read so far. Raises Refused, Missing.

        Who has the descriptor of a kept file may open that for writing, through /proc/self/fd: a program of the lab
        should get the bytes by a pipe.
        """

    def layout(self, progress: Progress = _silent) -> int:
        """The same of an image layout in a tar (runtime.oci.image.layout_tar). Raises Refused, Missing."""

    def copy(self) -> str:
        """The image as skopeo-copy(1) takes it (containers-transports(5)), '' for what is none."""


class Machine(NamedTuple):
    """This machine's own programs. It has no archive: its command runs as it is."""

    text: str = MACHINE

    def command(self, to: str, options: str = "") -> str:
        """See Source."""
        del options
        return machine.command(to)

    def archive(self, progress: Progress = _silent) -> int:
        """See Source."""
        del progress
        raise Refused("make a tar of this machine's own programs", why="they are copied, not unpacked",
                      mend=self.command("FOLDER"))

    def layout(self, progress: Progress = _silent) -> int:
        """See Source."""
        return self.archive(progress)

    def copy(self) -> str:
        """See Source."""
        return ""


class Daemon(NamedTuple):
    """An image that docker or podman has. program: its name."""

    program: str
    image: str

    def command(self, to: str, options: str = "") -> str:
        """See Source."""
        return _unpack(self.program, quote(self.image), to, options)

    def archive(self, progress: Progress = _silent) -> int:
        """See Source."""
        from runtime.oci.rootfs.daemons import archive

        return archive(self.program, self.image, progress)

    def layout(self, progress: Progress = _silent) -> int:
        """See Source."""
        from runtime.oci.rootfs.daemons import layout

        return layout(self.program, self.image, progress)

    def copy(self) -> str:
        """See Source."""
        return f"{'docker-daemon' if self.program == 'docker' else 'containers-storage'}:{self.image}"


class ImageFile(NamedTuple):
    """An image in a file or folder. kind: 'oci', 'docker-archive'.  reference: its name there, '' for the only one."""

    kind: str
    path: str
    reference: str

    def command(self, to: str, options: str = "") -> str:
        """See Source. docker does not load every OCI layout, and podman prints the digest of what it pulls."""
        if self.kind == "docker-archive":
            return _load(self.path, self.reference, to, options)
        return _unpack("podman", f"$(podman pull --quiet {quote(self.copy())})", to, options)

    def archive(self, progress: Progress = _silent) -> int:
        """See Source."""
        from runtime.oci.rootfs.image_files import archive

        return archive(self.kind, self.path, self.reference, progress)

    def layout(self, progress: Progress = _silent) -> int:
        """See Source."""
        from runtime.oci.rootfs.image_files import layout

        return layout(self.kind, self.path, self.reference, progress)

    def copy(self) -> str:
        """See Source."""
        form = "oci-archive" if self.kind == "oci" and os.path.isfile(self.path) else self.kind
        return ":".join(filter(None, (form, self.path, self.reference)))


def open_(text: str, progress: Progress = _silent) -> int:
    """Source.archive of a source, or, where AS_IMAGE stands before it, Source.layout. Raises Refused, Missing."""
    source = parse(text.removeprefix(AS_IMAGE))
    return source.layout(progress) if text.startswith(AS_IMAGE) else source.archive(progress)


def parse(text: str) -> Source:
    """A source as it is written. Raises ValueError with the reason."""
    form, colon, rest = text.partition(":")
    if text == MACHINE:
        return Machine()
    if not colon or form not in (*_PROGRAMS, *_FILES):
        raise ValueError(f"{text!r} is no source of a root file system; there are {FORMS}")
    if any(not letter.isprintable() for letter in text):
        raise ValueError(f"{text!r} has a letter that cannot be seen")
    return _daemon(form, rest) if form in _PROGRAMS else _image_file(form, rest)


def _daemon(form: str, image: str) -> Daemon:
    if not image or image.startswith("-") or " " in image:
        raise ValueError(f"'{form}:{image}' names no image: after '{form}:' stands one, such as busybox:latest")
    return Daemon(_PROGRAMS[form], image)


def _image_file(form: str, rest: str) -> ImageFile:
    path, colon, reference = rest.partition(":")
    if not path.startswith("/"):
        raise ValueError(f"'{form}:{rest}' has to have an absolute path: {form}:/images/{path or 'busybox.tar'}")
    if (colon and not reference) or reference.startswith("-"):
        raise ValueError(f"'{form}:{rest}' has no name of an image after the second ':'")
    return ImageFile(form, path, reference)


def _load(path: str, reference: str, to: str, options: str) -> str:
    """docker load says 'Loaded image: NAME', or 'Loaded image ID: DIGEST' of one without a name."""
    load = f"docker load --input {quote(path)}"
    if reference:
        return f"{load} && {_unpack('docker', quote(reference), to, options)}"
    return _unpack("docker", f"$({load} --quiet | sed 's/.*: //')", to, options)


def _unpack(program: str, image: str, to: str, options: str) -> str:
    """image: quoted already."""
    tar = f"tar {options} -xC" if options else "tar -xC"
    return f"mkdir -p {quote(to)} && {program} export $({program} create {image}) | {tar} {quote(to)}"
