"""Projections: functions from events to rows. Inline rows are written with the append, followed rows later."""
