"""What leaves the process: guarded requests, and log lines.

From outside: ``egress`` for every request to somebody else, ``telemetry`` for log lines.
"""
