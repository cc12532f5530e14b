"""The verbs that have to do with containers, which need a bundle or a container to act on: test_container_verbs.py."""

CONTAINER_VERBS = ("attach_veth", "create_container", "delete_container", "edit_config", "exec_in_container",
                   "export_rootfs", "kill_container", "name_netns", "start_container", "start_docker", "write_spec")
