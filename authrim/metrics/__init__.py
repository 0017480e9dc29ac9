"""What the server counts and measures about itself.

From outside: ``catalogue`` (every metric: what is counted is counted there), ``page`` (what Prometheus reads).
"""
