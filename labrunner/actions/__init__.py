"""The verbs of a lab: one a file, and the file's name is the word that a lab writes."""
