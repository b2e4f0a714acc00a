"""Policies: rules as data, and what they decide for one recipient of one message. Pure; no I/O."""
