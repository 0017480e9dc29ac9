"""What a large log costs: a log of ten million events is made, and the server is measured on it and on an empty one.

``sample`` lets a real server live through one of each kind of life and takes down every row of it; ``stamp`` makes any
number of such lives of it, with other ids and times; ``log`` writes them to a database in bulk, with chain and tree;
``plans`` has PostgreSQL explain every statement and judges the plans; ``cells`` measures; ``page`` writes it down.
"""
