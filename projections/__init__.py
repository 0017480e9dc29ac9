"""Projections: functions from events to rows, inline with the append or followed later."""
