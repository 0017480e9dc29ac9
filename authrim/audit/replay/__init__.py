"""Replay: the decisions of a log, decided again by this build.

From outside: ``check`` (which decisions differ), ``policy`` (what another policy would have decided) and ``lines`` (a
log in a file). Nothing here can send anything: it imports no network, no store and nothing of a running server (A283).
"""
