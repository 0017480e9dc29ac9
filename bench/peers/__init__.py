"""The servers that Authrim is compared with. What they run is in a folder each, with their versions pinned."""
