"""What the benchmark decides: whether a server answered rightly, whether a ratio fell, what the page says."""
