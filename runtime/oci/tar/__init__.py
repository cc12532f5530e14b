"""Tars of strangers, looked through before anything is unpacked, and tars that labrun writes.

    archive         one vetted tar of some layers: nothing in it leads out of its folder
    headers         read from a tar, entry by entry; sparse: files with holes
    entries, tree   what an entry may be, and where it comes to be
    packing         gzip
    streams         bytes, piece by piece, and never more than is allowed
    cache           what was made, kept by the digest of what it was made of
"""

# How tar(1) is called for images: with a single user id, nothing can be given to another user.
UNPACKING = "--no-same-owner"
