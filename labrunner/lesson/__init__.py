"""A lab that a learner does: where they are, what is true by now, the next hint.

    lesson.py       one lab in one sandbox, as far as it was done: what is asked of it, and what comes out as events
    teacher.py      who answers in it: shells, calls of labrun in it and outside of it, those who watch
    prompt.py       the pipes by which the shells in it ask; rc.py what these shells read when they begin
    watching.py     those who watch; screen.py their terminal
    explained.py    the tools' commonest errors, and what they mean
    standing.py     the process that keeps it while no terminal is open, and makes it anew when somebody goes back
    replaying.py    doing again what was done
    progress.py     which steps were passed, when, and with how much help
    idle.py         the end of a lab in which nothing is done
    room.py         how full its folders are: whether a file was made
    asking.py       the other side: a request to that process, and its answer
"""
