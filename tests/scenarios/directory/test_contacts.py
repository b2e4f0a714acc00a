"""How people are reached: kept with the account, shown in the address book of the domain."""

import pytest

from optimails.directory.admin import Admin, Shown
from optimails.model.company import EntryKind
from optimails.model.contact import Contact
from optimails.model.errors import Refused
from tests.support.in_loop import in_loop
from tests.support.pictures import jpeg, png


@pytest.fixture
def demo(admin: Admin) -> Admin:
    admin.domain_add("demo.test")
    admin.account_add("Boss@demo.test", name="Bea Boss")
    admin.account_add(
        "anna@demo.test", shown=Shown({"given_name": "Anna Maria", "family_name": "de Wit", "phone": "+33 1 23"})
    )
    return admin


@in_loop
async def test_the_address_book_shows_what_is_known(demo, directory):
    fields = {"title": "Engineer", "manager": "boss@DEMO.test", "phone": ""}
    info = demo.account_set("anna@demo.test", shown=Shown(fields, jpeg()))
    wanted = Contact(given_name="Anna Maria", family_name="de Wit", title="Engineer", manager="boss@demo.test")
    assert (info.contact, info.photo, info.hidden) == (wanted, "JPEG", False)
    async with directory() as services:
        version, entries = await services.company("demo.test", -1)
        shown = {entry.addresses[0]: entry for entry in entries}
        anna = shown["anna@demo.test"]
        assert (anna.name, anna.contact, anna.kind) == ("Anna Maria de Wit", wanted, EntryKind.PERSON)
        assert {key: photo.data for key, photo in (await services.photos([e.id for e in entries])).items()} == {
            anna.id: jpeg()
        }
        demo.account_set("anna@demo.test", shown=Shown(photo=None))
        changed, (other, *_) = await services.company("demo.test", version)
        assert changed > version
        assert {entry.photo for entry in [other]} == {""}
        assert await services.photos([anna.id]) == {}


@in_loop
async def test_hidden_accounts_aliases_and_lists_are_in_no_book(demo, directory):
    demo.alias_add("chief@demo.test", ["boss@demo.test"])
    demo.alias_add("secret@demo.test", ["boss@demo.test"])
    demo.alias_add("both@demo.test", ["boss@demo.test", "anna@demo.test"])
    demo.list_add("team@demo.test")
    async with directory() as services:

        async def book():
            return {entry.addresses for entry in (await services.company("demo.test", -1))[1]}

        assert demo.alias_hide("secret@demo.test", hidden=True).hidden
        both, anna, team = ("both@demo.test",), ("anna@demo.test",), ("team@demo.test",)
        assert await book() == {("Boss@demo.test", "chief@demo.test"), both, anna, team}
        demo.account_set("boss@demo.test", shown=Shown(hidden=True))
        assert demo.list_hide("team@demo.test", hidden=True).hidden
        assert demo.alias_hide("both@demo.test", hidden=True).hidden
        assert await book() == {anna}
        assert demo.account_get("boss@demo.test").hidden
        demo.account_set("boss@demo.test", shown=Shown(hidden=False))
        assert ("Boss@demo.test", "chief@demo.test") in await book()


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (Shown({"phone": "1\n2"}), "phone has a character"),
        (Shown({"title": "x" * 251}), "title is longer"),
        (Shown({"manager": "nobody@demo.test"}), "no account nobody"),
        (Shown({"manager": "anna@demo.test"}), "their own manager"),
        (Shown(photo=b"<html>"), "neither a JPEG nor a PNG"),
        (Shown(photo=jpeg(size=200_000 // 4) + bytes(100_000)), "more than 102400 bytes"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_nothing_changes(demo, wishes, said):
    before = demo.account_get("anna@demo.test")
    with pytest.raises(Refused, match=said):
        demo.account_set("anna@demo.test", name="Changed", shown=wishes)
    assert demo.account_get("anna@demo.test") == before


def test_a_purged_account_leaves_nothing_behind(demo):
    gone = demo.account_set("anna@demo.test", shown=Shown(photo=png()))
    demo.account_remove("anna@demo.test")
    demo.account_purge(gone.id)
    with demo.database.read() as connection:
        for table in ("contact", "photo"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
