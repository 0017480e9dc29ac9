"""Shared Signals: the streams of security event tokens that receivers ask for."""
