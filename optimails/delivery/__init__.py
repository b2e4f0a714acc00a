"""Local delivery: recipient expansion, quota, store."""
