"""Somebody types commands in a lab host, and a lab comes of it.

    keeping.py      the processes: one in the sandbox, and one outside that writes the lab
    recorder.py     who answers the shell, and records
    recording.py    the steps that were recorded by now
    differing.py    checks, from what a command has changed
    needing.py      which earlier steps a step needs
"""
