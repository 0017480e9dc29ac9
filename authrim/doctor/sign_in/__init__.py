"""A whole sign-in, with a client and an account that are made for it and taken away afterwards.

From outside: ``walk`` (the way of a browser and its client), ``throw_away`` (the client and the account).
"""
