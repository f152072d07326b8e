"""Copies of reports for people without a shell: in a shared folder or bucket, at PLACE/MAPPING/RUN/.

`marker` is what the run's folder says of its copies, `bringing` makes them, `leaving` takes them away again. They are made when a
run has ended and still has its lock, so that nobody forgets a person while an older report of theirs is on its way. None of it
changes how a run ends.
"""
