"""Change notices between sessions and processes: who, where, up to which change; never what."""
