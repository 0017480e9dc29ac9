"""The one way out of the process: guarded fetches, and log lines.

From outside: ``egress`` for every request to somebody else, ``telemetry`` for log lines.
"""
