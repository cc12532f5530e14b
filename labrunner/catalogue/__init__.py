"""Where labs are found, what a list tells of them, and what this machine lacks for each."""
