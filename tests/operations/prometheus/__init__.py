"""The rules and alerts for Prometheus, in Prometheus itself."""
