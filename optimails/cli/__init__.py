"""The command optimails."""
