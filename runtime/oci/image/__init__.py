"""Images: what is in them, and what is done with them (OCI image-spec).

    blobs, documents        files of an image and their digests; JSON of a stranger
    oci_layout              images in an OCI image layout
    docker_archive          images in what `docker save` writes
    layers                  what an image is, whatever it is in
"""
