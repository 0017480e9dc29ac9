"""The server's own process, and the supervisor of several."""
