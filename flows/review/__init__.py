"""The review page: the rows of a run that need a person, corrected in a browser on this machine and sent again."""
