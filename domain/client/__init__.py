"""A client: the fold of its stream, its events, its metadata and its profile."""
