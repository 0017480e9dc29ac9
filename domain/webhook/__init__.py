"""Webhooks: addresses of others that hear of events, and what an administrator decided about them."""
