"""Where root file systems come from: this machine's own programs, a daemon's images, image files.

    sources     which there are, and the command that a person types for each
    machine     the embedded default: busybox, or the machine's shell and tools with their libraries
    daemons     docker export, podman export
    image_files OCI layouts and docker archives, their layers laid upon each other
    archive     a tar of a stranger, looked through before anything is unpacked
    cache       what was exported, kept by its digest
"""
