"""What becomes of every message for every recipient: the states, each a transaction, and the steps in between."""
