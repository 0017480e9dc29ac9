"""A client registers itself (RFC 7591) and manages its registration (RFC 7592).

Other packages may use the two endpoints.
"""
