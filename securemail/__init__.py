"""e-securemail: what is looked at in a message, what is decided for each recipient, and what becomes of it."""
