"""Who really sent a message: SPF, DKIM, DMARC and ARC, and what we tell readers of it in ``Authentication-Results``.

Nothing here knows a socket or a reactor; names are asked of ``optimails.dns``. A check never raises and never takes
longer than the setting allows: what cannot be told now is ``temperror``, and mail is never lost for it.
"""

from optimails.authentication.results import Arc, Authentication, Dkim, Dmarc, Policy, Result, Spf

__all__ = ["Arc", "Authentication", "Dkim", "Dmarc", "Policy", "Result", "Spf"]
