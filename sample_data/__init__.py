"""Exports to try muster with: their traps and the totals to expect are in README.md, their making in making.py."""
