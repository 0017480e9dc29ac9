"""Who can do what, in parts: people, clients, and who may register clients; and what of it changed."""
