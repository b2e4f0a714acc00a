"""Bytes into values and back (RFC 4511, RFC 4514); knows the grammar and nothing else."""
