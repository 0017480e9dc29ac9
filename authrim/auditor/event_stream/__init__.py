"""``/events``: the events of the log as they happen, for programs that read along.

From outside: ``event_stream_endpoint`` and ``part``.
"""
