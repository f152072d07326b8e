"""Destinations: one file per kind; the file's name is the kind."""
