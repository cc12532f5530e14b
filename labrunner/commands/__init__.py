"""One command a file: `declare` its options, `run` it and return the exit code."""
