"""Servers that die at one exact point while they record something. All of it is here: the server has no hook for it.

``points`` reads the source of the functions that record, and marks each of their awaits and each of SQLite's
statements as a place to die at; ``path`` names the functions. ``forked`` is a process that makes such servers, fast,
and ``nursery`` is how a test asks it for them. ``run`` lets one server after the other die, while ``world`` asks them.
"""
