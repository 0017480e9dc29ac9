"""Tools for those who work on Authrim; nothing here is part of the server."""
