"""Is a lab honest? Its steps are not done before they are done, and no mistake goes unnoticed.

    trials(lab)                every trial of a lab: the solution, each step, each mistake
    side_by_side(trials, ...)  carries them out, each in a process and a sandbox of its own
"""
