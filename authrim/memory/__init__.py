"""The memory of a process: its caches, and what it gives back."""
