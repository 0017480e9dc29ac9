"""A grant: one stream from the authorization request to the revocation, and what may be decided on it."""
