"""Processes that look into hostile content: no network, little memory, little time, and nothing lost when they die."""
