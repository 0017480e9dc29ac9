"""One check per file: what it asks, the problems that it can find, and how each is mended."""
