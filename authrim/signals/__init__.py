"""Shared Signals transmitter (SSF 1.0, CAEP 1.0, RISC 1.0): receivers hear what happens to people that they know.

Nothing is queued. Security event tokens are made of the log, by position, whenever a receiver is to get them; what is
kept is how far each receiver is (``domain/signal/progress.py``). So a token that is made again is the same one, and no
kill loses or doubles any.

From outside: the endpoints, and ``push`` (the background work).
"""
