"""Digests: what the filter keeps for somebody, told by mail, with links that let him decide."""
