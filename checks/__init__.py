"""Judgement: pure functions from a Snapshot and the answers of probes to a Verdict. They change and run nothing.

One noun a file; the file's name is the word that a lab writes.
"""
