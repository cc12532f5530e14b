"""The verbs that have to do with containers, which need a bundle or a container to act on: test_container_verbs.py.

Those of images need an image: test_images.py.
"""

CONTAINER_VERBS = ("attach_veth", "converse", "create_container", "create_with_shim", "delete_container", "edit_config",
                   "exec_in_container", "exec_with_shim", "export_rootfs", "kill_container", "name_netns",
                   "resize_terminal", "start_container", "start_containerd", "start_docker", "write_spec")
IMAGE_VERBS = ("commit_layer", "image_to_bundle", "import_image", "overlay_mount", "unpack_layer", "write_image")
