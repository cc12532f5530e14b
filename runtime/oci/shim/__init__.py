"""Shims: who stays with a container when the runtime has gone, and how one speaks with it.

    conmon.py       the words of conmon(8), and where its files are
    starting.py     starting one, for a container or for one more program in it
    shims.py        what is done with them: joining streams, sizes of terminals, exit statuses
    attached.py     a client of a container's streams: conmon's socket
    console.py      typing and waiting for what is printed, by pexpect
    plain.py        what is printed, as text to look for something in
    waiting.py      waiting for a descriptor, with a limit
    conversation.py a whole conversation, to its end
    containerd.py   containerd and its own shim
"""
