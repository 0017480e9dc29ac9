"""Tools for developers of Authrim. Nothing here is part of the server."""
