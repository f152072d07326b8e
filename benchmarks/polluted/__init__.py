"""Clean tables, what may have happened to them on their way, and how well they are read all the same."""
