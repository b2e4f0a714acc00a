"""How mailboxes of others are called."""

from dataclasses import replace

import pytest

from optimails.mailbox.sharing.places import Place, name_for_others, place_of, root_of
from optimails.model.address import EmailAddress
from optimails.model.mailbox_name import MailboxName
from tests.support.memory import account


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Other Users/a@b.test/inbox", ("Other Users", "a@b.test", "INBOX")),
        ("Other Users/a@b.test/x/y", ("Other Users", "a@b.test", "x/y")),
        ("Shared Folders/b.test", ("Shared Folders", "b.test", "")),
        ("Other Users", ("Other Users", "", "")),
        ("Other Users2/a", None),
        ("INBOX/Other Users", None),
        ("", None),
    ],
)
def test_what_lies_where(name, place):
    assert place_of(name) == (None if place is None else Place(*place))


@pytest.mark.parametrize("local", ["marie", "a/b", "50%*", '"x y"'])
def test_a_name_leads_back(local):
    owner = replace(account(), address=EmailAddress(local, "demo.test"))
    name = name_for_others(owner, MailboxName("Work/Deep"))
    place = place_of(name)
    assert place.name == "Work/Deep"
    assert f"{place.namespace}/{place.owner}" == root_of(owner)
    assert name.count("/") == 3
    assert "*" not in name


def test_a_domains_folders():
    assert name_for_others(account(domain_folders=True), MailboxName("P")) == "Shared Folders/demo.test/P"
