"""The past: the state of anything in the log as of a time or a position, under the rules of today.

From outside: ``states`` (the state of one thing), ``moments`` (times and positions) and ``reading`` (streams as they
were).
"""
