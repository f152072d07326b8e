"""A package beside muster: a destination and its sandbox, plugged in by the entry points of its distribution."""
