"""Quota arithmetic and rules: limits, usage, thresholds. No I/O."""
