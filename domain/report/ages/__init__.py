"""Ages at the end of the period: of the keys of the server, and of the secrets of clients and people."""
