"""The antispam techniques: each one an analyser in a file of its own, and what the learning ones have learnt."""
