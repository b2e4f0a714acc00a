"""Filters and the meaning of entries, without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import parse_filter

from optimails.config.directory import LdapSettings
from optimails.directory.ldap import entries
from optimails.directory.ldap.server import Entry
from optimails.model.address import EmailAddress

SETTINGS = LdapSettings(
    domains=("corp.test", "bücher.test"), servers=("ldap.corp.test",), base="dc=corp,dc=test",
    user_filter="objectClass=person", login_attributes=("mail", "sAMAccountName"), quota_attribute="quota",
)  # fmt: skip


def test_the_filter_of_a_login():
    assert entries.login_filter(SETTINGS, EmailAddress.parse("Mia@corp.test")) == (
        "(&(objectClass=person)(|(mail=mia@corp.test)(mailAlternateAddress=mia@corp.test)"
        "(proxyAddresses=smtp:mia@corp.test)(mail=mia@corp.test)(mail=Mia)"
        "(sAMAccountName=mia@corp.test)(sAMAccountName=Mia)))"
    )


def test_an_international_domain_is_searched_as_people_and_as_wires_write_it():
    query = entries.address_filter(SETTINGS, EmailAddress.parse("mia@bücher.test"))
    assert "(mail=mia@bücher.test)(mail=mia@xn--bcher-kva.test)" in query


@given(st.text(max_size=40))
def test_whatever_the_login_the_filter_keeps_its_shape(text):
    address = EmailAddress(text, "corp.test")
    for query, leaves in (
        (entries.login_filter(SETTINGS, address), 8),
        (entries.address_filter(SETTINGS, address), 4),
    ):
        root = parse_filter(query, None, auto_escape=False, auto_encode=False, validator=None, check_names=False)
        both = root.elements[0]
        person, either = both.elements
        assert (person.tag, len(both.elements), 1 + len(either.elements)) == (both.elements[0].tag, 2, leaves)
        assert all(not leaf.elements for leaf in either.elements)
        # No value became a pattern.
        assert {leaf.tag for leaf in either.elements} == {either.elements[0].tag}


def person(**attributes: list[str]) -> entries.Person | None:
    found = {"mail": ["mia@corp.test"]} | attributes
    return entries.person(SETTINGS, Entry("uid=mia", {name.lower(): values for name, values in found.items()}))


def test_a_person():
    found = person(
        proxyAddresses=["SMTP:Mia@Corp.test", "smtp:chief@corp.test", "x500:/o=Corp", "smtp:not an address"],
        mailAlternateAddress=["m.m@corp.test"], cn=["Mia\n M."],
    )  # fmt: skip
    assert found.aliases == {"chief@corp.test", "m.m@corp.test"}
    assert (found.name, found.plan, found.storage) == ("Mia M.", "", None)


def test_entries_without_an_address_of_ours_are_nobody():
    assert person(mail=["mia@elsewhere.test"]) is None
    assert person(mail=["mia"]) is None
    assert person(mail=[]) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [("1073741824", 2**30), ("500M", 500 * 2**20), ("2 GB", 2 * 2**30), ("2gib", 2 * 2**30), ("1T", 2**40), ("0", None),
     ("", None), ("-5", None), ("much", None), ("9" * 16, None), ("1.5G", None)],
)  # fmt: skip
def test_sizes(text, size):
    assert entries.size(text) == size


def test_members_that_come_in_parts():
    def entry(**attributes: list[str]) -> Entry:
        return Entry("cn=group", dict(attributes))

    assert entries.ranged(entry(member=["a", "b"]), "Member") == (["a", "b"], None)
    assert entries.ranged(Entry("cn=group", {"member;range=0-1499": ["a"]}), "member") == (["a"], 1500)
    assert entries.ranged(Entry("cn=group", {"member;range=1500-*": ["z"]}), "member") == (["z"], None)
    assert entries.ranged(entry(mail=["x"]), "member") == ([], None)


def test_incomplete_settings_are_an_error():
    with pytest.raises(ValueError, match="base"):
        LdapSettings(domains=("corp.test",), servers=("host",))
