"""A client: the fold of its stream, its events, metadata and profile."""
