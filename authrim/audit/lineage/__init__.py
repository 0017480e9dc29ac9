"""The lineage of a token, a session, a client or a person: which event is the cause of which.

From outside: ``story`` (reads it from the log) and ``drawing`` (draws it as an SVG picture).
"""
