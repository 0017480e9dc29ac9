"""The log read back by people and by followers.

From outside: ``timeline`` (the story of a grant, the reason of a refusal), ``follow`` (followed projections),
``rebuild`` (replay and compare), ``recorded`` (stored events, decoded) and ``sentences`` (what an event says).
"""
