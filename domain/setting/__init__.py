"""The settings that matter for security, as processes of the server have started with them."""
