"""The embedded default: a root file system of this machine's own programs. It needs no network and no image.

busybox is one program that is many, and a static one needs no library. Where there is none, the machine's shell and
tools do, with the libraries that ldd(1) names, and a web server of a few lines of perl.
"""

from __future__ import annotations

import os
import struct
from shlex import quote

from runtime import programs

_TOOLS = ("sh", "cat", "env", "hostname", "id", "ip", "kill", "ls", "mkdir", "mount", "ping", "ps", "readlink", "rm",
          "sleep", "touch", "true", "uname")
_PT_INTERP = 3
_SMALLEST = 64  # bytes of a header
_TYPE = struct.Struct("=I")
_HEADER = {1: struct.Struct("=28xI10xHH"), 2: struct.Struct("=32xQ14xHH")}  # of 32 and of 64 bits
# httpd -f -h FOLDER: GET of the files of a folder, on port 80. Without modules: of perl, only perl itself is there.
_HTTPD = r"""#!/bin/perl
# httpd -f -h FOLDER
socket(S, 2, 1, 0) && setsockopt(S, 1, 2, pack("i", 1)) && bind(S, pack("S n x4 x8", 2, 80)) && listen(S, 9) or die $!;
$SIG{CHLD} = "IGNORE";
for (; accept(C, S); close C) {
    next if fork;
    alarm 2;
    my ($path) = <C> =~ m{^GET (/[^ ?]*)} or exit;
    while (<C> =~ /\S/) {}
    $path .= "index.html" if $path =~ m{/$};
    my $good = $path !~ m{/\.\.} && open F, "<", "$ARGV[2]$path";
    print C $good ? "HTTP/1.0 200 OK\r\n\r\n" : "HTTP/1.0 404 Not Found\r\n\r\n", $good ? <F> : "";
    exit;
}
"""


def command(to: str) -> str:
    """The shell command that makes such a root file system in the folder `to`, as lab root on the lab host."""
    busybox, folder = where("busybox"), quote(to)
    if busybox and is_static(busybox):
        return f"mkdir -p {folder}/bin && cp {busybox} {folder}/bin/ && chroot {folder} /bin/busybox --install -s /bin"
    perl = where("perl")
    copied = " ".join(filter(None, (*map(where, _TOOLS), perl)))
    served = f" && printf %s {quote(_HTTPD)} > {folder}/bin/httpd && chmod 755 {folder}/bin/httpd" if perl else ""
    return (f"mkdir -p {folder}/bin && cp -L {copied} {folder}/bin/ && "
            f"cp -L --parents $(ldd {copied} | grep -o '/[^ :)]*\\.so[^ :)]*' | sort -u) {folder}/{served}")


def where(program: str) -> str:
    """The path of a program as the lab finds it, '' when it is not there."""
    found = (f"{folder}/{program}" for folder in programs.PATH.split(":"))
    return next((path for path in found if os.access(path, os.X_OK)), "")


def is_static(path: str) -> bool:
    """Whether a program needs no loader and so no library: it has no PT_INTERP segment (elf(5))."""
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    if len(head) < _SMALLEST or head[:4] != b"\x7fELF" or head[4] not in _HEADER:
        return False
    offset, size, count = _HEADER[head[4]].unpack_from(head)
    starts = [offset + number * size for number in range(count)]
    return all(start + 4 <= len(head) and _TYPE.unpack_from(head, start)[0] != _PT_INTERP for start in starts)
