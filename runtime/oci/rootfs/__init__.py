"""Where root file systems come from: this machine's own programs, a daemon's images, image files.

    sources         which there are, and the command that a person types for each
    machine         the embedded default: busybox, or the machine's shell and tools with their libraries
    daemons         docker export, podman export; exporting: the process that does it
    image_files     oci_layout, docker_archive: images in files; their layers, blobs and JSON documents
    archive         a tar of a stranger, looked through before anything is unpacked: its headers, entries and tree
    cache           what was exported, kept by its digest
"""
