"""Markdown notes become a lab. Nothing of the notes is run.

    NOTES.md --notes--> parts --blocks--> commands --verbs--> actions --effects--> checks --writing--> lab.yaml

gathering goes through the notes, drafting through what was gathered.
"""
