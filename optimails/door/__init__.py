"""What every door (protocol service) shares: its surroundings, log-in with its limits, SASL, logging."""
