"""``authrim doctor``: asks whether a server is set up as it must be, from inside and from outside.

From outside: ``examination`` (examine a server, check by check), ``catalogue`` (the checks in their order), ``report``.
"""
