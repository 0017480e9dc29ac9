"""What clients saw while the server was broken, held against the log.

``calls`` is one side, what each client did and was told; ``log`` the other, an exported bundle; ``checker`` compares
them, and takes nothing from the server. ``clients`` and ``faults`` make such a history, ``run`` the whole of it.
"""
