"""What attributes there are: their names, how programs call them otherwise, and how their values compare.

The names are those of RFC 4519, RFC 2798 and RFC 4524, and a few of Active Directory that Outlook asks for.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    oid: str
    aliases: tuple[str, ...] = ()
    number: bool = False  # compared by its digits (RFC 4517 §4.2.27)
    octets: bool = False  # no text: it is there, or it is not

    @property
    def definition(self) -> str:
        """RFC 4512 §4.1.2."""
        names = " ".join(f"'{name}'" for name in (self.name, *self.aliases))
        syntax = "28" if self.octets else "15"
        return f"( {self.oid} NAME ( {names} ) SYNTAX 1.3.6.1.4.1.1466.115.121.1.{syntax} )"


ATTRIBUTES = (
    Attribute("objectClass", "2.5.4.0"),
    Attribute("cn", "2.5.4.3", ("commonName",)),
    Attribute("sn", "2.5.4.4", ("surname",)),
    Attribute("givenName", "2.5.4.42", ("gn",)),
    Attribute("displayName", "2.16.840.1.113730.3.1.241", ("display-name",)),
    Attribute("mail", "0.9.2342.19200300.100.1.3", ("rfc822Mailbox", "email", "emailAddress")),
    Attribute("uid", "0.9.2342.19200300.100.1.1", ("userid", "mailNickname", "sAMAccountName")),
    Attribute("title", "2.5.4.12"),
    Attribute("ou", "2.5.4.11", ("organizationalUnitName", "department", "departmentNumber")),
    Attribute("o", "2.5.4.10", ("organizationName", "company")),
    Attribute("physicalDeliveryOfficeName", "2.5.4.19", ("roomNumber",)),
    Attribute("l", "2.5.4.7", ("localityName",)),
    Attribute("telephoneNumber", "2.5.4.20", number=True),
    Attribute("mobile", "0.9.2342.19200300.100.1.41", ("mobileTelephoneNumber",), number=True),
    Attribute("facsimileTelephoneNumber", "2.5.4.23", ("fax",), number=True),
    Attribute("manager", "0.9.2342.19200300.100.1.10"),
    Attribute("description", "2.5.4.13"),
    Attribute("dc", "0.9.2342.19200300.100.1.25", ("domainComponent",)),
    Attribute("jpegPhoto", "0.9.2342.19200300.100.1.60", octets=True),
    Attribute("thumbnailPhoto", "1.2.840.113556.1.4.8.35", ("photo",), octets=True),
)
CLASSES = (
    "( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
    "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) MAY ( telephoneNumber $ description ) )",
    (
        "( 2.5.6.7 NAME 'organizationalPerson' SUP person STRUCTURAL MAY ( title $ ou $ physicalDeliveryOfficeName $ l "
        "$ facsimileTelephoneNumber ) )"
    ),
    (
        "( 2.16.840.1.113730.3.2.2 NAME 'inetOrgPerson' SUP organizationalPerson STRUCTURAL MAY ( displayName "
        "$ givenName $ mail $ uid $ mobile $ manager $ o $ jpegPhoto $ thumbnailPhoto ) )"
    ),
    "( 2.5.6.9 NAME 'groupOfNames' SUP top STRUCTURAL MUST cn MAY ( displayName $ mail $ description ) )",
    "( 2.5.6.4 NAME 'organization' SUP top STRUCTURAL MUST o MAY description )",
    "( 2.5.6.5 NAME 'organizationalUnit' SUP top STRUCTURAL MUST ou MAY description )",
    "( 1.3.6.1.4.1.1466.344 NAME 'dcObject' SUP top AUXILIARY MUST dc )",
)
BY_NAME = {name.lower(): one for one in ATTRIBUTES for name in (one.name, *one.aliases, one.oid)}
