"""Webhooks: addresses that are told of events of the log, with the signatures of Standard Webhooks.

``records`` is for commands; ``fan_out`` and ``delivery`` are for the background work of a server.
"""
