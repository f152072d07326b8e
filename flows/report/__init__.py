"""The report of a run: one page to read, files to repair rows with, and a summary for scripts."""

from __future__ import annotations

from flows.report.details import Details
from flows.report.summary import Summary
from flows.report.writing import write_report

__all__ = ["Details", "Summary", "write_report"]
