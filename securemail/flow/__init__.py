"""A message's way through the filter: looked at, decided, and brought to its end."""
