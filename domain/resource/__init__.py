"""A resource server: the fold of its stream, and how access tokens are made for it."""
