"""Conversations over LDAP: log-in, searching, pages, and what is refused."""

import pytest

from ldapd.session.books import Books
from ldapd.session.requests import login_of
from ldapd.wire.ber import OCTETS, element, integer
from optimails.config.ldapd import LdapdSettings
from optimails.door.sessions import Ending
from optimails.model.company import CompanyEntry, EntryKind
from optimails.model.contact import Contact
from optimails.model.photo import Photo
from tests.support.in_loop import in_loop
from tests.support.ldap_door import (
    PRESENT,
    SUFFIX,
    Directory,
    LdapDoor,
    ask,
    bind,
    equal,
    message,
    octets,
    page,
    search,
    starts,
)
from tests.support.pictures import jpeg, png

ALICE = CompanyEntry(
    "id-alice", "Alice Élan", ("alice@demo.test", "al@demo.test"), photo="x",
    contact=Contact(given_name="Alice", family_name="Élan", title="Chief", department="Board", phone="+33 (1) 23-45",
                    company="Demo, SA", manager="bob@demo.test"),
)  # fmt: skip
BOB = CompanyEntry("id-bob", "Bob Müller", ("Bob@demo.test",), photo="y")
TEAM = CompanyEntry("list:team@demo.test", "The team", ("team@demo.test",), "Everybody", EntryKind.LIST)
CONTACT = CompanyEntry("alias:contact@demo.test", "contact", ("contact@demo.test",), kind=EntryKind.ALIAS)
PEOPLE = f"ou=people,{SUFFIX}"
START_TLS = message(9, element(0x77, octets("1.3.6.1.4.1.1466.20037", 0x80)))


def door(**settings) -> LdapDoor:
    photos = {"id-alice": Photo("JPEG", jpeg()), "id-bob": Photo("PNG", png())}
    directory = Directory(ALICE, BOB, TEAM, CONTACT, photos=photos)
    return LdapDoor(LdapdSettings(**settings), directory=directory, hidden=("hidden@demo.test",))


async def entered(made: LdapDoor):
    connection = await made.connect()
    await made.login(connection)
    return connection


def names(found) -> list[str]:
    return [dn.partition(",")[0] for dn in found.entries]


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("alice@demo.test", "alice@demo.test"),
        ("uid=alice,ou=people,dc=demo,dc=test", "alice@demo.test"),
        ("UID = alice , OU=people; DC=demo, DC=test", "alice@demo.test"),
        ("cn=alice@demo.test,dc=other,dc=test", "alice@demo.test"),
        ("mail=alice@demo.test", "alice@demo.test"),
        ("uid=a\\2cb,dc=demo,dc=test", "a,b@demo.test"),
        ("uid=alice", "alice"),
        ("CORP\\alice", "CORP\\alice"),
        ("ou=people,dc=demo,dc=test", "ou=people,dc=demo,dc=test"),
        ("a=b@demo.test", "a=b@demo.test"),
        ("uid=x,=,", "uid=x,=,"),
    ],
)
def test_who_a_name_logs_in(name, login):
    assert login_of(name) == login


@in_loop
async def test_nothing_is_found_without_a_log_in_but_what_the_service_is():
    connection = await door().connect()
    for begin in (b"", bind(1, "", "")):
        if begin:
            assert (await ask(connection, begin)).code == 0
        about = await ask(connection, search(2, base="", scope=0, attributes=("*", "+")))
        root = about.entries[""]
        assert root["supportedLDAPVersion"] == ["3"]
        assert "namingContexts" not in root
        assert "1.3.6.1.4.1.1466.20037" in root["supportedExtension"]
        for base in (SUFFIX, "", "cn=Subschema", f"uid=alice,{PEOPLE}"):
            refused = await ask(connection, search(3, base=base))
            assert (refused.code, refused.entries) == (50, {})


@in_loop
async def test_who_logs_in_sees_the_own_domain():
    connection = await entered(door())
    root = (await ask(connection, search(2, base="", scope=0, attributes=("defaultNamingContext",)))).entries[""]
    assert root == {"defaultNamingContext": [SUFFIX]}
    everybody = await ask(connection, search(3, equal("objectClass", "INETORGPERSON")))
    assert names(everybody) == ["uid=alice", "uid=bob", "cn=contact"]
    assert everybody.entries[f"uid=alice,{PEOPLE}"] == {
        "objectClass": ["top", "person", "organizationalPerson", "inetOrgPerson"],
        "mail": ["alice@demo.test", "al@demo.test"], "cn": ["Alice Élan"], "displayName": ["Alice Élan"],
        "sn": ["Élan"], "givenName": ["Alice"], "uid": ["alice"], "title": ["Chief"], "ou": ["Board"],
        "o": ["Demo, SA"], "telephoneNumber": ["+33 (1) 23-45"], "manager": [f"uid=bob,{PEOPLE}"],
        "jpegPhoto": [jpeg()], "thumbnailPhoto": [jpeg()],
    }  # fmt: skip
    assert "jpegPhoto" not in everybody.entries[f"uid=bob,{PEOPLE}"]
    assert everybody.entries[f"uid=bob,{PEOPLE}"]["thumbnailPhoto"] == [png()]
    lists = await ask(connection, search(4, equal("objectClass", "groupOfNames"), attributes=("mail", "Description")))
    assert lists.entries == {f"cn=team,ou=lists,{SUFFIX}": {"mail": ["team@demo.test"], "Description": ["Everybody"]}}
    assert (await ask(connection, search(5, base="dc=other,dc=test"))).code == 32
    assert "attributeTypes" in (await ask(connection, search(6, base="cn=Subschema", scope=0))).entries["cn=Subschema"]
    who = await ask(connection, message(7, element(0x77, octets("1.3.6.1.4.1.4203.1.11.3", 0x80))))
    assert who.value == b"u:alice@demo.test"


@in_loop
async def test_rooms_and_equipment_have_a_place_of_their_own():
    made = door()
    room = CompanyEntry("id-r", "Room 1", ("room1@demo.test",), "Screen, 2nd floor", EntryKind.ROOM, capacity=12)
    van = CompanyEntry("id-v", "Van", ("van@demo.test",), kind=EntryKind.EQUIPMENT)
    made.directory.entries = (ALICE, room, van)
    connection = await entered(made)
    found = await ask(connection, search(2, octets("mail", PRESENT), base=f"ou=resources,{SUFFIX}"))
    assert names(found) == ["uid=room1", "uid=van"]
    (known, _) = found.entries.values()
    assert (known["sn"], known["description"], "givenName" in known) == (["Room 1"], ["Screen, 2nd floor"], False)
    assert names(await ask(connection, search(3, starts("cn", "room")))) == ["uid=room1"]


OUTLOOK = ("mail", "cn", "sn", "givenName", "displayName")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (starts("cn", "ALICE e"), ["uid=alice"]),
        (starts("displayname", "muller"), []),
        (starts("sn", "muller"), ["uid=bob"]),
        (starts("sn", "MÜLL"), ["uid=bob"]),
        (equal("mail", "AL@demo.test"), ["uid=alice"]),
        (equal("emailAddress", "bob@demo.test"), ["uid=bob"]),
        (equal("telephoneNumber", "+331 2345"), ["uid=alice"]),
        (element(0xA8, octets("cn"), octets("bob  müller")), ["uid=bob"]),
        (element(0xA0, octets("mail", PRESENT), element(0xA1, *(starts(one, "bo") for one in OUTLOOK))), ["uid=bob"]),
        (element(0xA4, octets("cn"), element(0x30, octets("ob", 0x81), octets("m", 0x81), octets("er", 0x82))),
         ["uid=bob"]),
        (element(0xA4, octets("cn"), element(0x30, octets("bob m", 0x80), octets("müller", 0x82))), []),
        (element(0xA5, octets("cn"), octets("the")), ["cn=team"]),
        (element(0xA6, octets("sn"), octets("contact")), ["cn=contact"]),
        (element(0xA0, octets("mail", PRESENT), element(0xA2, octets("title", PRESENT))),
         ["uid=bob", "cn=contact", "cn=team"]),
        # Of what nobody knows nothing can be said, nor its opposite (RFC 4511 §4.5.1.7).
        (element(0xA2, equal("shoeSize", "42")), []),
        (element(0xA1, equal("shoeSize", "42"), equal("uid", "bob")), ["uid=bob"]),
        (element(0xA0, element(0xA2, element(0xA9, octets("x", 0x83)))), []),
        (element(0xA1), []),
        (octets("jpegphoto", PRESENT), ["uid=alice", "uid=bob"]),
        (equal("mail", b"\xff\xfe".decode("latin-1")), []),
    ],
)  # fmt: skip
@in_loop
async def test_filters_of_programs(wanted, found):
    connection = await entered(door())
    answer = await ask(connection, search(2, wanted, attributes=("cn",)))
    assert (answer.code, sorted(names(answer))) == (0, sorted(found))
    assert all(list(one) == ["cn"] for one in answer.entries.values())


@pytest.mark.parametrize(
    ("base", "scope", "found"),
    [
        (SUFFIX, 0, ["dc=demo"]),
        (SUFFIX.upper().replace(",", " , "), 1, ["ou=people", "ou=resources", "ou=lists", "ou=aliases"]),
        (PEOPLE, 1, ["uid=alice", "uid=bob"]),
        (PEOPLE, 2, ["ou=people", "uid=alice", "uid=bob"]),
        (f"uid=ALICE,{PEOPLE}", 0, ["uid=alice"]),
        (f"uid=alice,{PEOPLE}", 1, []),
        ("", 1, ["dc=demo"]),
        (
            "",
            2,
            [
                "dc=demo",
                "ou=people",
                "ou=resources",
                "ou=lists",
                "ou=aliases",
                "uid=alice",
                "uid=bob",
                "cn=contact",
                "cn=team",
            ],
        ),
    ],
)
@in_loop
async def test_bases_and_scopes(base, scope, found):
    connection = await entered(door())
    answer = await ask(connection, search(2, base=base, scope=scope, attributes=("1.1",)))
    assert (answer.code, names(answer)) == (0, found)
    assert set(map(len, answer.entries.values())) <= {0}


@in_loop
async def test_a_change_of_the_directory_shows_at_the_next_search():
    made = door()
    connection = await entered(made)
    assert len((await ask(connection, search(2, octets("mail", PRESENT)))).entries) == 4
    hidden = CompanyEntry("id-h", "Hidden", ("hidden@demo.test", "known@demo.test"))
    made.directory.entries, made.directory.version = (BOB, hidden), 2
    assert names(await ask(connection, search(3, octets("mail", PRESENT)))) == ["uid=bob"]
    assert set(made.directory.asked) == {"demo.test"}
    made.hidden = ("@demo.test",)
    other = await entered(made)
    assert names(await ask(other, search(4, octets("mail", PRESENT)))) == []


@in_loop
async def test_what_was_asked_last_is_remembered():
    directory = Directory(*(CompanyEntry(f"{n}", f"P {n}", (f"p{n}@demo.test",)) for n in range(10)))
    books = Books(directory, kept=25)
    trees = {domain: await books.of(domain) for domain in ("a.test", "b.test")}
    assert await books.of("a.test") is trees["a.test"]
    await books.of("c.test")
    assert await books.of("a.test") is trees["a.test"]
    assert await books.of("b.test") is not trees["b.test"]
    directory.entries *= 10
    directory.version += 1
    large = await books.of("a.test")
    assert await books.of("a.test") is large
    directory.version += 1  # somebody else's change
    assert await books.of("a.test") is large


@in_loop
async def test_answers_have_limits_and_pages_go_on():
    made = door(max_entries=10)
    many = [CompanyEntry(f"id-{n:03}", f"Person {n:03}", (f"p{n:03}@demo.test",)) for n in range(25)]
    made.directory.entries = tuple(many)
    connection = await entered(made)
    everybody = octets("mail", PRESENT)
    cut = await ask(connection, search(2, everybody))
    assert (cut.code, len(cut.entries)) == (4, 10)
    few = await ask(connection, search(3, everybody, size=3))
    assert (few.code, len(few.entries)) == (4, 3)
    seen, cookie, sizes = [], b"", []
    while cookie is not None:
        one = await ask(connection, search(4, everybody, controls=(page(9, cookie),)))
        assert one.code == 0
        seen += one.entries
        sizes.append(len(one.entries))
        cookie = one.cookie or None
    assert (sizes, len(set(seen))) == ([9, 9, 7], 25)
    first = await ask(connection, search(5, everybody, controls=(page(5),)))
    ended = await ask(connection, search(6, everybody, controls=(page(0, first.cookie),)))
    assert (ended.code, ended.cookie, ended.entries) == (0, b"", {})
    for cookie in (first.cookie, b"made up"):
        assert (await ask(connection, search(7, everybody, controls=(page(5, cookie),)))).code == 53


@in_loop
async def test_a_search_ends_when_its_time_is_over():
    made = door()
    made.directory.entries = tuple(CompanyEntry(f"{n}", f"P {n}", (f"p{n}@demo.test",)) for n in range(2_000))
    connection = await entered(made)
    made.settings.__dict__["max_seconds"] = 0.0
    answer = await ask(connection, search(2, octets("mail", PRESENT)))
    assert answer.code == 3
    assert len(answer.entries) < 2_000


@in_loop
async def test_wrong_passwords_and_strange_binds():
    connection = await door().connect()
    for request, code in (
        (bind(1, "alice@demo.test", "wrong"), 49),
        (bind(2, "nobody@demo.test", "secret"), 49),
        (bind(3, "alice@demo.test", ""), 53),
        (bind(4, "", "secret"), 49),
        (bind(5, "alice@demo.test", "secret", version=2), 2),
        (message(6, element(0x60, integer(3), octets("x"), element(0xA3, octets("PLAIN")))), 7),
        (bind(7, f"uid=alice,{PEOPLE}", "secret"), 0),
    ):
        assert (await ask(connection, request)).code == code, request
    assert (await ask(connection, search(8, equal("uid", "bob")))).entries
    assert (await ask(connection, bind(9, "alice@demo.test", "wrong"))).code == 49
    assert (await ask(connection, search(10, equal("uid", "bob")))).code == 50


@in_loop
async def test_guessing_ends_the_connection():
    connection = await door(max_bad_requests=3).connect()
    for number in range(2):
        assert (await ask(connection, bind(number + 1, "alice@demo.test", f"wrong {number}"))).code == 49
    assert (await ask(connection, bind(3, "alice@demo.test", "wrong again"))).code == 49
    last = await ask(connection, b"")
    assert (last.message, last.name) == (0, "1.3.6.1.4.1.1466.20036")
    await connection.task


@in_loop
async def test_from_elsewhere_passwords_need_tls():
    made = door()
    made.far = True
    connection = await made.connect()
    refused = await ask(connection, bind(1, "alice@demo.test", "secret"))
    assert (refused.code, refused.text) == (13, "Passwords are only taken under TLS.")
    started = await ask(connection, START_TLS + bind(2, "alice@demo.test", "wrong"))  # what follows is dropped
    assert (started.code, started.message, started.name) == (0, 9, "1.3.6.1.4.1.1466.20037")
    assert connection.peer.encrypted
    assert (await ask(connection, START_TLS)).code == 1
    assert (await ask(connection, bind(3, "alice@demo.test", "secret"))).code == 0


@in_loop
async def test_nothing_can_be_changed_and_what_is_unknown_is_said():
    connection = await entered(door())
    for tag, answer in ((0x66, 0x67), (0x68, 0x69), (0x4A, 0x6B), (0x6C, 0x6D), (0x6E, 0x6F)):
        refused = await ask(connection, message(tag, element(tag, octets(f"uid=bob,{PEOPLE}"))))
        assert (refused.code, refused.tag, refused.message) == (53, answer, tag)
    assert (await ask(connection, message(2, element(0x77, octets("1.2.3", 0x80))))).code == 2
    control = element(0x30, octets("1.2.3"), element(0x01, b"\xff"))
    assert (await ask(connection, search(3, equal("uid", "bob"), controls=(control,)))).code == 12
    harmless = element(0x30, octets("1.2.840.113556.1.4.473"), octets(b"whatever"))
    assert (await ask(connection, search(4, equal("uid", "bob"), controls=(harmless,)))).code == 0
    abandon = message(5, element(0x50, b"\x04"))
    assert (await ask(connection, abandon + search(6, equal("uid", "bob")))).message == 6
    assert (await ask(connection, search(7, base="no name"))).code == 34


@pytest.mark.parametrize(
    "request_", [
        search(3, element(0xA2, element(0xA2, octets("mail", 0x87)), octets("x"))),
        search(3, element(0xA4, octets("cn"), element(0x30))),
        search(3, element(0xA4, octets("cn"), element(0x30, octets("a", 0x82), octets("b", 0x80)))),
        search(3, element(0xAB, octets("cn"))),
        search(3, octets(b"\xff", PRESENT)),
        search(3, scope=3),
        search(3, size=-1),
        message(3, element(0x60, integer(3))),
        message(3, element(0x77, b"\x80")),
        message(3, element(0x63)),
    ],
)  # fmt: skip
@in_loop
async def test_a_request_that_cannot_be_read_is_a_protocol_error(request_):
    connection = await entered(door())
    assert (await ask(connection, request_)).code == 2
    assert (await ask(connection, search(4, equal("uid", "bob")))).code == 0


@pytest.mark.parametrize("depth", [17, 5_000])
@in_loop
async def test_a_filter_that_is_too_deep_or_too_long_is_refused(depth):
    connection = await entered(door())
    deep = octets("mail", PRESENT)
    for _ in range(depth):
        deep = element(0xA2, deep)
    long = element(0xA1, *[equal("a", "b")] * 201)
    for wanted in (deep, long):
        assert (await ask(connection, search(2, wanted))).code == 11
    assert (await ask(connection, search(4, equal("uid", "bob")))).code == 0


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x30\x80\x02\x01\x01", b"\x30\x84\x7f\xff\xff\xff", b"\x30\x03\x02\x01\x01",
     b"\x30\x05\x02\x01\x01\x7f\x00", b"\x30\x06\x02\x01\x01\x42\x05\x00", b"\x30\x05\x02\x01\xff\x42\x00"],
)  # fmt: skip
@in_loop
async def test_what_is_no_message_ends_the_connection(request_):
    connection = await entered(door())
    told = await ask(connection, request_)
    assert (told.message, told.code, told.name) == (0, 2, "1.3.6.1.4.1.1466.20036")
    await connection.task


@in_loop
async def test_strangers_send_small_requests():
    connection = await door().connect()
    assert (await ask(connection, element(OCTETS + 0x2C, bytes(10_000)))).name == "1.3.6.1.4.1.1466.20036"


@in_loop
async def test_farewells():
    made = door()
    connection = await entered(made)
    connection.session.kick(Ending.GOING_DOWN)
    told = await ask(connection, b"")
    assert (told.code, told.message) == (52, 0)
    quiet = await entered(made)
    quiet.peer.impatient = True
    quiet.peer.changed.set()
    assert (await ask(quiet, b"")).code == 51
    for controls in ((), (element(0x30, octets("1.2.3"), element(0x01, b"\xff")),)):
        over = await entered(made)
        assert (await ask(over, message(2, element(0x42), *controls))).code == -1
        await over.task
    made.world.directory.away = True
    away = await made.connect()
    assert (await ask(away, bind(1, "alice@demo.test", "secret"))).code == 52


@in_loop
async def test_errors_of_ours_show_an_id_alone():
    made = door()
    connection = await entered(made)
    made.directory.company = None
    answer = await ask(connection, search(2, equal("uid", "bob")))
    assert answer.code == 80
    assert "NoneType" not in answer.text
