"""A person: the account and the browser sessions."""
