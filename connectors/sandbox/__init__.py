"""Sandboxes: local HTTP servers that answer as the real APIs do, with faults on demand."""
