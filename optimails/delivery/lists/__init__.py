"""Distribution lists at work: mail that comes in for them, and what becomes of it."""
