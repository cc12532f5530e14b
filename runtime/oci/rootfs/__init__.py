"""Where root file systems come from: this machine's own programs, a daemon's images, image files.

    sources         which there are, and the command that a person types for each
    machine         the embedded default: busybox, or the machine's shell and tools with their libraries
    daemons         docker export, podman export; exporting: the process that does it
    image_files     images in files and folders
"""
