"""What tests share: a running server, a browser without a screen, and who signs in."""
