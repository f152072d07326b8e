"""People who vanished from a complete source: `people` finds them in the first pass, `of_sync` is what a sync does about them, and what the
mapping says is done with them is a run of its own: `farewell` its rows, `vanishing` its decisions, `parting` its course.
"""
