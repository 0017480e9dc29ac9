"""Sends the events of the log to a SIEM, as records of OCSF: to a file, and by syslog over TLS.

``follower`` is for the background work of a server, ``sinks`` makes what it sends to from the settings.
"""
