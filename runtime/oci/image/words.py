"""What is done with images, as a person types it as lab root on the lab host: tar, gzip, sha256sum, jq and mount.

A store is a folder with an image layout. What is new is made aside, in STORE/.new, and moved to its place when it is
whole and on the disk (sync(1)); the index, which alone makes an image of it, is moved last. So whoever is interrupted
leaves the store as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from shlex import quote

from runtime.oci.image import making
from runtime.oci.image.making import Document, Settings
from runtime.oci.image.oci_layout import NAME
from runtime.oci.rootfs import machine
from runtime.oci.tar import UNPACKING

# In a tar, .wh.NAME takes NAME away, and .wh..wh..opq all that is below (image-spec/layer.md). In the upper folder of
# an overlay, a character device 0/0 does the first, and an extended attribute the second (overlayfs.rst).
# With '+', find(1) fails when what it runs does.
_TO_TAR = ("find .new/layer -type c -execdir sh -c "
           """'for each; do rm "$each" && : > ".wh.${each#./}" || exit; done' sh {} +""")
_OPAQUE_TO_TAR = (
    "marks=$(getfattr -RPhm '^user.overlay.opaque$' .new/layer)",
    """echo "$marks" | sed -n 's/^# file: //p' | while read -r folder; do : > "$folder/.wh..wh..opq"; done""")
_OPAQUE_FROM_TAR = ("find . -name .wh..wh..opq -execdir sh -c "
                    """'rm "$1" && setfattr -n user.overlay.opaque -v y .' sh {} +""")
_FROM_TAR = ("find . -name '.wh.*' -execdir sh -c "
             """'for each; do rm "$each" && mknod "${each#./.wh.}" c 0 0 || exit; done' sh {} +""")
# Who packs, and when, must not show in the bytes.
_TAR = "tar -C .new/layer --sort=name --mtime=@0 --numeric-owner --format=gnu -cf .new/tar ."
_PUT = """put() {
    digest=sha256:$(sha256sum < .new/$1 | cut -d ' ' -f 1) size=$(stat -c %s .new/$1)
    sync .new/$1 && mv .new/$1 blobs/sha256/${digest#sha256:}
}"""
# What an image says becomes a config.json (image-spec/conversion.md). A group of terminals, gid=5, is nothing that a
# user namespace with a single id has; and a program of a lab has no terminal unless it is given one.
TO_RUNTIME = """($image[0].config // {}) as $from | .process.terminal = false |
.process.args = ((($from.Entrypoint // []) + ($from.Cmd // [])) | if . == [] then ["sh"] else . end) |
.process.env = (($from.Env // []) + ["TERM=xterm"] | if any(startswith("PATH=")) then . else ["PATH=@"] + . end) |
.process.cwd = (if ($from.WorkingDir // "") == "" then "/" else $from.WorkingDir end) |
.root = {path: "rootfs", readonly: false} |
(.mounts[] | select(.destination == "/dev/pts").options) |= map(select(. != "gid=5"))""".replace("@", making.PATH)
_FOLDERS = ("dev", "etc", "proc", "root", "sys", "tmp")
_OF_NAME = f'.annotations["{NAME}"]'


def begin(store: str) -> str:
    """Make the folders of a store, and nothing of what was begun before is left."""
    return f"mkdir -p {quote(store)} && cd {quote(store)} && rm -rf .new && mkdir -p .new blobs/sha256"


def from_upper(upper: str) -> list[str]:
    """The layer is what the upper folder of an overlay has."""
    return [f"cp -a {quote(upper)} .new/layer", _TO_TAR]


def pack() -> list[str]:
    """The layer becomes .new/tar.gz, and $diff_id is the digest of what is in it."""
    return [_TAR, *_packed()]


def _packed() -> list[str]:
    return ["set -- $(sha256sum .new/tar)", "diff_id=sha256:$1", "gzip -n .new/tar"]


def made_of_machine() -> list[str]:
    """The layer is this machine's own programs, and the folders that every container has something mounted on."""
    return [machine.command(".new/layer"), f"mkdir {' '.join(f'.new/layer/{each}' for each in _FOLDERS)}", *pack()]


def made_of_tar(path: str) -> list[str]:
    """The layer is a tar as it is."""
    return [f"cp {quote(path)} .new/tar", *_packed()]


def made_of_upper(upper: str, opaque: Iterable[str] | None = None) -> list[str]:
    """opaque: the folders that are, if that is known already; else getfattr(1) finds them."""
    if opaque is None:
        return [*from_upper(upper), *_OPAQUE_TO_TAR, *pack()]
    return [*from_upper(upper), *(f": > {quote(f'.new/layer{folder}/.wh..wh..opq')}" for folder in opaque), *pack()]


def measured() -> list[str]:
    """Put the packed layer aside by its digest, and print that, its size and its diff_id."""
    return ["set -- $(sha256sum .new/tar.gz)", "mkdir .new/blobs", "mv .new/tar.gz .new/blobs/$1",
            "stat -c \"sha256:$1 %s $diff_id\" .new/blobs/$1"]


def add_layer(store: str, image: str, name: str, created_by: str, layer: Sequence[str]) -> str:
    """A new image: the layers of another, '' for none, and one more. layer: what makes it."""
    config = _jq("config", "$config", f".rootfs.diff_ids += [$diff_id] | {_history()}", diff_id="$diff_id",
                 by=quote(created_by))
    entry = f'{{mediaType: "{making.LAYER_TYPE}+gzip", digest: $layer, size: ($layer_size | tonumber)}}'
    manifest = _jq("manifest", "$manifest", f".config = {_descriptor(making.CONFIG_TYPE)} | .layers += [{entry}]",
                   digest="$digest", size="$size", layer="$layer", layer_size="$layer_size")
    return _apart(begin(store), *layer, _PUT, "put tar.gz", "layer=$digest layer_size=$size", *_base(image), config,
                  "put config", manifest, *_finish(name))


def set_config(store: str, image: str, name: str, settings: Settings, created_by: str) -> str:
    """A new image with the layers of another, '' for none, that runs something else."""
    fields = making.fields(settings)
    change = f".config += {json.dumps(fields, ensure_ascii=False)} | " if fields else ""
    config = _jq("config", "$config", change + _history(", empty_layer: true"), by=quote(created_by))
    manifest = _jq("manifest", "$manifest", f".config = {_descriptor(making.CONFIG_TYPE)}", digest="$digest",
                   size="$size")
    return _apart(begin(store), _PUT, *_base(image), config, "put config", manifest, *_finish(name))


def keep(store: str) -> str:
    """Move what is in .new to its place: blobs, and last the index. It is what add_layer and set_config end with."""
    return _script(f"cd {quote(store)}", "sync .new/blobs/* .new/index.json", "mv .new/blobs/* blobs/sha256/",
                   "sync blobs/sha256", "mv .new/oci-layout .new/index.json .", "rm -r .new")


def take_in(store: str) -> str:
    """Begin, and unpack the documents, and blobs, that come as a tar on standard input."""
    return _script(begin(store), "tar -xC .new")


def receive(store: str) -> str:
    """Unpack what comes as a tar on standard input beside what was made already, and keep it."""
    return _script(f"cd {quote(store)}", "tar -xC .new", keep(store))


def unpack_blob(blob: str, to: str) -> str:
    """Unpack a layer, so that an overlay can have it below. blob: a part of a command, its path."""
    folder = quote(to)
    return _script(f"mkdir -p {folder} && cd {folder}", f"tar {UNPACKING} -xf {blob}", _OPAQUE_FROM_TAR, _FROM_TAR)


def unpack_layer(store: str, image: str, number: int, to: str) -> str:
    """The same for the layer of an image; they are counted from 1, the lowest."""
    blob = f"blob=$PWD/blobs/$(jq -r '.layers[{number - 1}].digest' $manifest | tr : /)"
    return _apart(f"cd {quote(store)}", *_found(image), blob, unpack_blob("$blob", to))


def mount_overlay(at: str, lower: Sequence[str], upper: str, work: str) -> str:
    """Lay folders over each other, the uppermost of the lower ones first (mount(8), overlay).

    userxattr: in a user namespace attributes called trusted.* cannot be set, and user.* can.
    """
    return _mount(at, ":".join(map(quote, lower)), upper, work)


def _mount(at: str, lower: str, upper: str, work: str) -> str:
    above = f",upperdir={quote(upper)},workdir={quote(work)}" if upper else ""
    folders = " ".join(quote(folder) for folder in (at, upper, work) if folder)
    return f"mkdir -p {folders} && mount -t overlay overlay -o userxattr,lowerdir={lower}{above} {quote(at)}"


def bundle(store: str, image: str, to: str, runtime: str) -> str:
    """What a manager does before it calls the runtime: layers, overlay, and the config in the runtime's words."""
    one = _script("mkdir -p $folder && cd $folder", f"tar {UNPACKING} -xf {quote(store)}/blobs/$blob", _OPAQUE_FROM_TAR,
                  _FROM_TAR)
    loop = "\n".join((
        "for blob in $(jq -r '.layers[].digest' $manifest | tr : /); do",
        f"number=$((number + 1)) folder={quote(to)}/layers/$number", "lower=$folder:$lower", f"( {one} ) || exit",
        "done"))
    config = f"jq --slurpfile image {quote(store)}/$config {quote(TO_RUNTIME)} config.json > config.json.new"
    return _apart(f"cd {quote(store)}", *_found(image), *_config_of(), "lower= number=0", loop,
                  _mount(f"{to}/rootfs", "${lower%:}", f"{to}/upper", f"{to}/work"),
                  f"{runtime} spec --bundle {quote(to)}", f"cd {quote(to)}", config, "mv config.json.new config.json")


def layer_of(bundle: str, number: int) -> str:
    """Where a bundle has a layer of its image."""
    return f"{bundle}/layers/{number}"


def mount_layers(layers: int, to: str) -> str:
    """Mount the root file system of a bundle: what its container writes comes into its folder `upper`."""
    return mount_overlay(f"{to}/rootfs", [layer_of(to, number) for number in range(layers, 0, -1)], f"{to}/upper",
                         f"{to}/work")


def import_archive(source: str, store: str, name: str) -> str:
    """Copy an image from elsewhere (skopeo-copy(1)). source: as containers-transports(5) has it."""
    return (f"skopeo copy --dest-oci-accept-uncompressed-layers {quote(source)} {quote(f'oci:{store}:{name}')}")


def _apart(*lines: str) -> str:
    """The same in a shell of its own: whoever types it stays in the folder that they are in."""
    return f"({_script(*lines)})"


def _script(*lines: str) -> str:
    """Lines of which each is done only when the one before it went well."""
    return " &&\n".join(line for line in lines if line)


def _jq(to: str, of: str, program: str, **arguments: str) -> str:
    """A new document of an old one. arguments: what the program calls $NAME."""
    given = "".join(f"--arg {name} {value} " for name, value in arguments.items())
    return f"jq -c {given}{quote(program)} {of} > .new/{to}"


def _history(more: str = "") -> str:
    return f'.history += [{{created: "{making.CREATED}", created_by: $by{more}}}]'


def _descriptor(media_type: str) -> str:
    return f'{{mediaType: "{media_type}", digest: $digest, size: ($size | tonumber)}}'


def _base(image: str) -> list[str]:
    """$manifest and $config are the documents of an image, or those of one that has nothing."""
    if image:
        return [*_found(image), *_config_of()]
    return [f"echo {quote(_compact(document))} > .new/no-{name} && {name}=.new/no-{name}" for name, document in (
        ("manifest", making.empty_manifest()), ("config", making.empty_config()))]


def _found(image: str) -> list[str]:
    chosen = quote(f'.manifests[] | select({_OF_NAME} == "{image}").digest')
    return [f"manifest=blobs/$(jq -r {chosen} index.json | tr : /)"]


def _config_of() -> list[str]:
    return ["config=blobs/$(jq -r .config.digest $manifest | tr : /)"]


def _finish(name: str) -> list[str]:
    others = f'map(select({_OF_NAME} != "{name}"))'
    entry = f'{_descriptor(making.MANIFEST_TYPE)[:-1]}, annotations: {{"{NAME}": "{name}"}}}}'
    return ["put manifest", f"{{ [ -e oci-layout ] || echo {quote(making.LAYOUT)} > oci-layout; }}",
            f"{{ [ -e index.json ] || echo {quote(_compact(making.empty_index()))} > index.json; }}",
            _jq("index.json", "index.json", f".manifests |= {others} + [{entry}]", digest="$digest", size="$size"),
            "sync blobs/sha256 .new/index.json", "mv .new/index.json index.json", "rm -r .new"]


def _compact(document: Document) -> str:
    return making.to_bytes(document).decode().strip()
