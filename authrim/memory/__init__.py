"""The caches of a process."""
