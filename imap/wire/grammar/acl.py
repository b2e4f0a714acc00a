"""GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314 §3)."""

from imap.wire.acl import AclAction, DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from imap.wire.scanner import Scanner
from optimails.model.errors import BadSyntax
from optimails.model.rights import STANDARD, Right, parse_rights

MAX_IDENTIFIER = 330  # characters: the longest address, with a mark before it


def _identifier(scan: Scanner) -> tuple[str, bool]:
    """The identifier, and whether it is a negative one (§2)."""
    text = scan.text_astring("Identifier")
    name = text.removeprefix("-")
    if not name or len(name) > MAX_IDENTIFIER:
        raise BadSyntax("Identifier is not valid")
    return name, name != text


def _rights(text: str) -> Right:
    rights = parse_rights(text)  # §3.1: a letter that is none is BAD
    if rights not in STANDARD:
        raise BadSyntax("Mailboxes have no such right")
    return rights


def get_acl(scan: Scanner) -> GetAcl:
    scan.space()
    return GetAcl(scan.mailbox())


def set_acl(scan: Scanner) -> SetAcl:
    scan.space()
    mailbox = scan.mailbox()
    scan.space()
    identifier, negative = _identifier(scan)
    scan.space()
    text = scan.text_astring("Rights")
    action = AclAction(text[:1]) if text[:1] in ("+", "-") else AclAction.REPLACE
    return SetAcl(mailbox, identifier, negative, action, _rights(text.removeprefix(action.value)))


def delete_acl(scan: Scanner) -> DeleteAcl:
    scan.space()
    mailbox = scan.mailbox()
    scan.space()
    return DeleteAcl(mailbox, *_identifier(scan))


def list_rights(scan: Scanner) -> ListRights:
    scan.space()
    mailbox = scan.mailbox()
    scan.space()
    return ListRights(mailbox, *_identifier(scan))


def my_rights(scan: Scanner) -> MyRights:
    scan.space()
    return MyRights(scan.mailbox())
