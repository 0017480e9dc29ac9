"""The monitor: a followed projection that keeps proving over the log that no rule was broken.

It shares no code with the decisions: it reads of each event what a rule speaks of, and keeps a small row per live
grant.
From outside: ``page`` (the check of one page of the log), ``questions`` (what it asks a store for), ``rules`` (the
rules and a breach of one).
"""
