"""Root file systems of images in files: OCI image layouts (a folder or a tar) and what `docker save` writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shlex import quote

from runtime.oci.image import docker_archive, layout_tar, oci_layout
from runtime.oci.image.blobs import Find, opened
from runtime.oci.image.layers import Image, contents
from runtime.oci.tar.archive import export
from runtime.oci.tar.streams import Unfit, refused

Progress = Callable[[int], None]

_FORMS: dict[str, Callable[[Find, str], Image]] = {
    "oci": oci_layout.find_image, "docker-archive": docker_archive.find_image}


def archive(kind: str, path: str, reference: str, progress: Progress) -> int:
    """A descriptor of the vetted tar of an image: see runtime.oci.tar.archive. Raises Refused.

    kind: 'oci', 'docker-archive'.  path: absolute.  reference: the name of the image, '' for the only one.
    """
    with _image("take the root file system of", kind, path, reference) as image:
        return export(kind, image.identity, contents(image), progress)


def layout(kind: str, path: str, reference: str, progress: Progress) -> int:
    """A descriptor of the vetted image itself: see runtime.oci.image.layout_tar. Raises Refused. The rest: as above."""
    with _image("take the image of", kind, path, reference) as image:
        return layout_tar.export(kind, image, progress)


@contextmanager
def _image(what: str, kind: str, path: str, reference: str) -> Iterator[Image]:
    try:
        with opened(path, folder=kind == "oci") as find:
            yield _FORMS[kind](find, reference)
    except (Unfit, OSError) as error:
        look = f"ls -l {quote(path)}" if os.path.isdir(path) or not os.path.exists(path) else f"tar -tvf {quote(path)}"
        raise refused(f"{what} {kind}:{path}", error, look, path) from None
