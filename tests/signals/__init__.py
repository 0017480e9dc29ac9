"""The Shared Signals transmitter."""
