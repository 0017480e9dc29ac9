"""Compliance reports as values: what is said of a period of the log, and the positions that each figure comes from."""
