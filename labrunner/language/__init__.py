"""The lab language: the text of a lab.yaml becomes a Lab, or every mistake in it is told with its place.

    loading.load(path) -> lab.Lab        what a session carries out
    schema.schema() , reference          the same definitions for editors and for people
"""
