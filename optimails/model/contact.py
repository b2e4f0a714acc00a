"""How to reach somebody, as the address book of a domain shows it."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Contact:
    """Of an account, beside its name and addresses; what is empty is not known."""

    given_name: str = ""
    family_name: str = ""
    title: str = ""  # what somebody does
    department: str = ""
    company: str = ""
    office: str = ""  # the room
    location: str = ""  # the city
    phone: str = ""
    mobile: str = ""
    fax: str = ""
    manager: str = ""  # key of an account's address


UNKNOWN = Contact()
FIELDS = tuple(field.name for field in fields(Contact))
