"""Compliance reports: frameworks, and reports read from the log, written, drawn, signed and verified."""
