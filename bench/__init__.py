"""Benchmarks. They are started by hand and never by the tests."""
