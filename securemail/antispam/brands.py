"""Names that are borrowed to deceive, with the domains that may bear them.

Only names that nobody else has: a company called Orange Conseil must not be taken for a forger.
"""

from typing import Final

BRANDS: Final[dict[str, tuple[str, ...]]] = {
    "paypal": ("paypal.com", "paypal.fr", "paypal.co.uk"),
    "netflix": ("netflix.com",),
    "amazon": ("amazon.com", "amazon.fr", "amazon.co.uk", "amazon.de", "amazonses.com", "amazonaws.com", "a2z.com"),
    "microsoft": ("microsoft.com", "microsoftonline.com", "office.com", "office365.com", "outlook.com", "live.com"),
    "docusign": ("docusign.com", "docusign.net", "docusign.fr"),
    "dropbox": ("dropbox.com", "dropboxmail.com"),
    "facebook": ("facebook.com", "facebookmail.com", "meta.com"),
    "linkedin": ("linkedin.com",),
    "whatsapp": ("whatsapp.com",),
    "dhl": ("dhl.com", "dhl.fr", "dhl.de"),
    "fedex": ("fedex.com",),
    "chronopost": ("chronopost.fr", "geopost.com"),
    "colissimo": ("laposte.fr", "laposte.net", "laposte.info"),
    "mondial relay": ("mondialrelay.fr", "mondialrelay.com"),
    "ameli": ("ameli.fr", "assurance-maladie.fr"),
    "assurance maladie": ("ameli.fr", "assurance-maladie.fr"),
    "impots.gouv": ("gouv.fr",),
    "antai": ("gouv.fr",),
    "credit agricole": ("credit-agricole.fr", "ca-paris.fr", "credit-agricole.com"),
    "societe generale": ("societegenerale.fr", "socgen.com", "societegenerale.com", "sg.fr"),
    "bnp paribas": ("bnpparibas.net", "bnpparibas.com", "bnpparibas.fr", "mabanque.bnpparibas"),
    "boursobank": ("boursobank.com", "boursorama.fr", "boursorama.com"),
    "la banque postale": ("labanquepostale.fr", "laposte.fr"),
    "hsbc": ("hsbc.com", "hsbc.co.uk", "hsbc.fr"),
    "barclays": ("barclays.com", "barclays.co.uk"),
    "hmrc": ("gov.uk",),
    "royal mail": ("royalmail.com",),
    "coinbase": ("coinbase.com",),
    "binance": ("binance.com",),
    "ovhcloud": ("ovh.com", "ovh.net", "ovhcloud.com"),
}
"""Name in folded form (no accents, lower case) → organisational domains."""
