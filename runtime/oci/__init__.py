"""Containers by an OCI runtime (runc(8), crun(1)): bundles, config.json, command lines, root file systems.

    command_line    the commands that a person types
    containers      carrying them out
    bundles         changing a config.json
    refusals        what a runtime says when it refuses, and what to do about it
    config          config.json, and the paths into it
    rootfs          where root file systems come from
"""
