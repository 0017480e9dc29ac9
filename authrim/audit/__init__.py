"""Reading the log, for people and for followers.

From outside: ``timeline`` (the story of a grant, the reason of a refusal), ``follow`` (followed projections),
``rebuild`` (replay and compare), ``recorded`` (stored events, decoded) and ``sentences`` (what an event says).
"""
