"""A lab that a learner does: where they are, what is true by now, the next hint.

    lesson.py       one lab in one sandbox, as far as it was done: what is asked of it, and what comes out as events
    standing.py     the process that keeps it while no terminal is open, and makes it anew when somebody goes back
    asking.py       the other side: a request to that process, and its answer
"""
