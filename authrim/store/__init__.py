"""The append-only log and the rows beside it.

From outside: ``contract`` says what a store promises; ``opening`` opens one; ``migrate`` makes and checks its schema;
``codec`` and ``chain`` read what it holds. The engines are in ``postgres/`` and ``sqlite/``.
"""
