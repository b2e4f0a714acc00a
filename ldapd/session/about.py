"""What the service says of itself: the root DSE (RFC 4512 §5.1) and the schema (§4.2)."""

from ldapd.session.schema import ATTRIBUTES, CLASSES
from ldapd.wire.requests import MANAGE_DSA_IT, START_TLS, WHO_AM_I
from ldapd.wire.responses import PAGES

SCHEMA_DN = "cn=Subschema"
_ALL_OPERATIONAL = "1.3.6.1.4.1.4203.1.5.1"  # RFC 3673
CONTROLS = (PAGES, MANAGE_DSA_IT)
Values = dict[str, tuple[str, ...]]


def root(suffix: str, *, start_tls: bool) -> Values:
    """The root DSE; strangers, who have no ``suffix``, are not told what domains there are."""
    found: Values = {
        "objectClass": ("top",),
        "supportedLDAPVersion": ("3",),
        "supportedExtension": (WHO_AM_I, START_TLS) if start_tls else (WHO_AM_I,),
        "supportedControl": CONTROLS,
        "supportedFeatures": (_ALL_OPERATIONAL,),
        "subschemaSubentry": (SCHEMA_DN,),
        "vendorName": ("Optimails",),
    }
    return found | (dict.fromkeys(("namingContexts", "defaultNamingContext"), (suffix,)) if suffix else {})


def schema() -> Values:
    return {
        "objectClass": ("top", "subentry", "subschema"),
        "cn": ("Subschema",),
        "attributeTypes": tuple(one.definition for one in ATTRIBUTES),
        "objectClasses": CLASSES,
    }
