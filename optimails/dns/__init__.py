"""Questions to the DNS, and the records a domain of ours needs there."""

from optimails.dns.resolver import Answer, Resolver

__all__ = ["Answer", "Resolver"]
