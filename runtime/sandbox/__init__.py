"""A private machine for one lab: namespaces, id maps, mounts, PID 1, entering, ending.

    start(id_map) -> Sandbox        the processes: launcher - outer - PID 1
    Sandbox.enter()                 the launcher becomes the judge: user and net namespace of the lab, nothing else
    Sandbox.run(argv)               a command inside
    Sandbox.stop()                  PID 1 dies, and everything with it

file_tree and mounts build what the lab sees, seccomp says what it may not ask of the kernel, watchman ends it.
"""
