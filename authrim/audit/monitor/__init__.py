"""The monitor as it runs: it follows the log, samples rows, and raises alarms.

From outside: ``monitor`` (a running monitor and its counters), ``alarms`` (what is open, and acknowledging it).
"""
