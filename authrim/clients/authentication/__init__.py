"""Client authentication, and the keys that a request proves possession of.

Other packages may use ``authenticate`` (one function for every endpoint), ``back_channel``, ``sender_constraint`` (DPoP
and certificates), ``shown_certificate`` (the certificate of a connection) and ``challenge_endpoint``. Each method is a
private module.
"""
