"""Who is the client, and which keys does its request prove to hold?

From outside: ``authenticate`` (one function for every endpoint), ``sender_constraint`` (DPoP and certificates),
``shown_certificate`` (the certificate of a connection) and ``challenge_endpoint``. Each method is a private module.
"""
