"""A server under a mixed load for some time: does anything grow without bound?

``load`` sends requests at a fixed rate; ``readings`` reads processes, database and metrics every ten seconds; ``judge``
says what grows; ``page`` draws and writes it down.
"""
