"""A key of the server: the fold of its stream, and its life as a function of time."""
