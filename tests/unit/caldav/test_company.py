"""The address book of a domain, as programs of its users see it."""

from dataclasses import replace

import pytest
import vobject

from optimails.groupware.api import Kind, NewCollection
from optimails.groupware.company import CompanyBooks
from optimails.model.company import CompanyEntry
from optimails.model.contact import Contact
from optimails.model.photo import Photo
from tests.support.calendars import card
from tests.support.dav import CAL, CARD, DAV, Door
from tests.support.pictures import png

HOME = "/dav/claire@example.org/"
BOOK = "/claire@example.org/company/"
JAMES = CompanyEntry("id-james", "James O'Neil, Jr; Ext", ("james@example.org", "jim@example.org"))
CLAIRE = CompanyEntry("id-claire", "Claire Dubois", ("claire@example.org",))
TEAM = CompanyEntry("list:team@example.org", "Équipe", ("team@example.org",), "Tout\nle monde")


class Source:
    """A directory that changes."""

    def __init__(self):
        self.version, self.entries, self.reads = 1, [CLAIRE, JAMES, TEAM], 0

    def __call__(self, domain, known):
        assert domain == "example.org"
        if known == self.version:
            return known, None
        self.reads += 1
        return self.version, tuple(self.entries)

    def become(self, *entries):
        self.version, self.entries = self.version + 1, entries


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def door(source):
    photos = {"id-claire": Photo("PNG", png())}
    return Door(company=CompanyBooks(None, source, hidden=("hidden@example.org",), photos=lambda _ids: photos))


def names(door, found):
    assert found.status == 207
    return sorted(
        line[3:] for one in found.items.values() for line in one[f"{CARD}address-data"].text.splitlines()
        if line.startswith("FN:")
    )  # fmt: skip


def ask(door, key, words, user="claire"):
    return door.report(
        f"/{user}@example.org/company/",
        "A:addressbook-query",
        "<D:prop><D:getetag/><A:address-data/></D:prop><A:filter>"
        f'<A:prop-filter name="{key}"><A:text-match>{words}</A:text-match></A:prop-filter></A:filter>',
        user,
        depth="1",
    )


def sync(door, token=""):
    inside = f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
    return door.report(BOOK, "D:sync-collection", inside)


def test_it_stands_in_ones_own_home_and_may_only_be_read(door):
    home = door.propfind("/claire@example.org/", "D:displayname", "D:resourcetype", "D:current-user-privilege-set",
                         depth="1")  # fmt: skip
    found = home.items[f"{HOME}company/"]
    assert found[f"{DAV}displayname"].text == "Company"
    assert {one.tag for one in found[f"{DAV}resourcetype"]} == {f"{DAV}collection", f"{CARD}addressbook"}
    granted = {one[0].tag for one in found[f"{DAV}current-user-privilege-set"]}
    assert {f"{DAV}read"} <= granted <= {f"{DAV}read", f"{DAV}read-current-user-privilege-set", f"{CAL}read-free-busy"}
    assert door.propfind("/claire@example.org/company/", "D:displayname", user="james").status == 404


def test_people_lists_and_aliases_are_found_by_name_and_address(door):
    assert names(door, ask(door, "FN", "dubois")) == ["Claire Dubois"]
    assert names(door, ask(door, "EMAIL", "jim@")) == ["James O'Neil\\, Jr\\; Ext"]
    assert names(door, ask(door, "FN", "équipe", user="james")) == ["Équipe"]
    assert names(door, ask(door, "EMAIL", "example.org")) == ["Claire Dubois", "James O'Neil\\, Jr\\; Ext", "Équipe"]


def test_nobody_writes_to_it(door):
    path = next(iter(ask(door, "FN", "claire").items)).removeprefix("/dav")
    assert door("PUT", path, card("x", "X")).status == 403
    assert door("PUT", BOOK + "new.vcf", card("x", "X")).status == 403
    assert door("DELETE", path).status == 403
    assert door("DELETE", BOOK).status == 403
    assert door("PROPPATCH", BOOK, '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>X</D:displayname>'
                "</D:prop></D:set></D:propertyupdate>").status == 403  # fmt: skip
    assert door("MOVE", path, destination="http://localhost/dav/claire@example.org/contacts/1.vcf").status == 403
    assert door("MKCALENDAR", BOOK).status == 403
    assert names(door, ask(door, "FN", "claire")) == ["Claire Dubois"]


def test_a_card_can_be_copied_into_ones_own_book(door):
    path = next(iter(ask(door, "FN", "claire").items)).removeprefix("/dav")
    assert door("COPY", path, destination="http://localhost/dav/claire@example.org/contacts/1.vcf").status == 201
    assert "FN:Claire Dubois" in door("GET", "/claire@example.org/contacts/1.vcf").text


def test_changes_of_the_directory_are_told_by_token_and_cards_that_stay_keep_their_etag(door, source):
    first = sync(door)
    assert len(first.items) == 3
    read = source.reads
    assert sync(door, first.token).items == {}
    assert source.reads == read
    source.become(CLAIRE, CompanyEntry("id-james", "James Bond", ("james@example.org",)))
    second = sync(door, first.token)
    assert (len(second.items), list(second.statuses.values())) == (1, [404])
    kept = next(path for path in first.items if path not in second.items and path not in second.statuses)
    assert sync(door).items[kept][f"{DAV}getetag"].text == first.items[kept][f"{DAV}getetag"].text
    source.become(*source.entries)  # somebody else's change
    assert sync(door, second.token).token == second.token


def test_a_card_has_numbers_title_department_manager_and_photo(door, source):
    boss = CompanyEntry("id-boss", "Bea Boss", ("Boss@example.org",))
    known = Contact(given_name="Claire", family_name="Dubois", title="Cheffe; vraiment", department="Ventes",
                    company="Exemple, SA", office="B 12", location="Lyon", phone="+33 4 1", mobile="+33 6 1",
                    fax="+33 4 2", manager="boss@example.org")  # fmt: skip
    source.become(boss, replace(CLAIRE, contact=known, photo="digest"))
    path = next(iter(ask(door, "TEL", "+33 6").items)).removeprefix("/dav")
    text = door("GET", path).text
    card = vobject.readOne(text)
    assert [(tel.type_paramlist[0], tel.value) for tel in card.tel_list] == [
        ("WORK", "+33 4 1"), ("CELL", "+33 6 1"), ("WORK", "+33 4 2"),
    ]  # fmt: skip
    assert (card.title.value, card.org.value) == ("Cheffe; vraiment", ["Exemple, SA", "Ventes"])
    assert (card.n.value.given, card.n.value.family, card.adr.value.city) == ("Claire", "Dubois", "Lyon")
    assert card.photo.value == png()
    assert "X-ABRELATEDNAMES:Bea Boss" in text
    source.become(CLAIRE, replace(CLAIRE, id="id-x", addresses=("x@example.org",), contact=known))
    assert "boss" not in door("GET", next(iter(ask(door, "EMAIL", "x@").items)).removeprefix("/dav")).text


def test_hidden_addresses_are_in_no_book(door, source):
    source.become(CLAIRE, CompanyEntry("id-hidden", "Hidden", ("hidden@example.org", "secret@example.org")),
                  CompanyEntry("id-james", "James", ("james@example.org", "hidden@example.org")))  # fmt: skip
    assert names(door, ask(door, "EMAIL", "example.org")) == ["Claire Dubois", "James"]
    assert ask(door, "EMAIL", "hidden").items == {}


def test_a_domain_whose_users_do_not_know_each_other_has_none(source):
    door = Door(company=CompanyBooks(None, source, hidden=("@example.org",)))
    assert f"{HOME}company/" not in door.propfind("/claire@example.org/", depth="1").items
    assert ask(door, "FN", "claire").status == 404
    assert source.reads == 0


def test_a_book_of_that_name_that_was_there_before_stays(door):
    with door.groupware.open(door.accounts["claire@example.org"]) as own:
        own.create("company", NewCollection(Kind.BOOK, (), display_name="Mine"))
    listed = door.propfind("/claire@example.org/", "D:displayname", depth="1").items
    assert listed[f"{HOME}company/"][f"{DAV}displayname"].text == "Mine"
    assert door("PUT", BOOK + "1.vcf", card("1", "Zed")).status == 201
    assert names(door, ask(door, "FN", "e")) == ["Zed"]


def test_two_processes_and_a_damaged_file(tmp_path, source):
    one, two = CompanyBooks(tmp_path, source), CompanyBooks(tmp_path, source)
    tokens = []
    for books in (one, two):
        with books.open("example.org") as book:
            tokens.append((book.collection("company").object_id, book.collection("company").change))
        books.close()
    assert tokens[0] == tokens[1]
    (path,) = (tmp_path / "company").rglob("*.sqlite")
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.write_bytes(b"no database" * 500)
    books = CompanyBooks(tmp_path, source)
    with books.open("example.org") as book:
        assert len(book.etags(book.collection("company"))) == 3
    books.close()
