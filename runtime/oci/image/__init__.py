"""Images: what is in them, and what is done with them (OCI image-spec).

    blobs, documents        files of an image and their digests; JSON of a stranger
    oci_layout              images in an OCI image layout; inside: in one of the sandbox
    docker_archive          images in what `docker save` writes
    layers                  what an image is, whatever it is in
    layout_tar              a stranger's image, looked through, as an image layout in a tar
    making                  the documents of new images
    words, images           what is done with them: as a person types it, and as labrun does it
"""
