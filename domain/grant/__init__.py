"""A grant: one stream from the authorization request to the revocation, and the decisions on it."""
