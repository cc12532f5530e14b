"""A lab that is kept after it was done, and the terminals that others open in it.

    place.py     where the sockets of kept labs are, and finding one
    family.py    the processes of a kept lab, to wait for their end
    journal.py   what somebody does in a lab, so that it can be brought back when its process has died
    keeper.py    who waits there: opens terminals, joins containers, tells how programs ended
    far.py       the far side of a connection: a terminal, pipes, or the streams of a container
    relay.py     between the person's own terminal and the far side
"""
