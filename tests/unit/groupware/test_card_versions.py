"""vCards of one version as those of the other: what programs wrote is found again, and nothing gets lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caldav.wire.accept import accepted
from optimails.groupware.card import read_card
from optimails.groupware.card_versions import V3, V4, VERSIONS, converted
from optimails.groupware.text import Component, parse, write


def card(version: str, *lines: str) -> Component:
    text = "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", "UID:1", "N:Dubois;Claire;;;", "FN:Claire", *lines])
    return parse(f"{text}\r\nEND:VCARD\r\n")[0]


def change(version: str, line: str) -> list[str]:
    other = V3 if version == V4 else V4
    return converted(card(other, line), version).lines[4:]


PAIRS = [  # 3.0, 4.0
    ("EMAIL;TYPE=HOME,PREF:c@example.org", "EMAIL;TYPE=HOME;PREF=1:c@example.org"),
    ("TEL;TYPE=CELL:+33 6", "TEL;TYPE=CELL:+33 6"),
    ("item1.X-ABLabel:_$!<Manager>!$_", "item1.X-ABLabel:_$!<Manager>!$_"),
    ("PHOTO;TYPE=JPEG;ENCODING=b:AAEC", "PHOTO:data:image/jpeg;base64,AAEC"),
    ("PHOTO;TYPE=PNG;VALUE=uri:https://example.org/p", "PHOTO;MEDIATYPE=image/png:https://example.org/p"),
    ("BDAY:1996-04-15", "BDAY:19960415"),
    ("BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-21", "BDAY:--0321"),
    ("REV:1995-10-31T22:27:10Z", "REV:19951031T222710Z"),
    ("GEO:37.386013;-122.082932", "GEO:geo:37.386013,-122.082932"),
    ("X-ADDRESSBOOKSERVER-KIND:group", "KIND:group"),
    ("X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:03a0e51f", "MEMBER:urn:uuid:03a0e51f"),
    ("X-ANNIVERSARY:2009-08-08", "ANNIVERSARY:20090808"),
    ('NOTE;X-MINE="a;b":with\\, all \\n of it', 'NOTE;X-MINE="a;b":with\\, all \\n of it'),
    ("X-SOMETHING;A=^'b^':whatever;it is", "X-SOMETHING;A=^'b^':whatever;it is"),
    ('h.ADR;TYPE=HOME,PREF;X-L="a,^n:c":;;R\\;ue;Lyon;;;', 'h.ADR;TYPE=HOME;X-L="a,^n:c";PREF=1:;;R\\;ue;Lyon;;;'),
]  # fmt: skip


@pytest.mark.parametrize(("three", "four"), PAIRS)
def test_there_and_back(three, four):
    assert change(V4, three) == [four]
    (back,) = change(V3, four)
    assert sorted(back.partition(":")[0].split(";")) == sorted(three.partition(":")[0].split(";"))
    assert back.partition(":")[2] == three.partition(":")[2]


@pytest.mark.parametrize(
    ("version", "before", "after"),
    [
        (V4, "EMAIL;TYPE=INTERNET,pref,WORK:c@example.org", "EMAIL;TYPE=WORK;PREF=1:c@example.org"),
        (V4, "NOTE;CHARSET=utf-8:x", "NOTE:x"),
        (V4, "PHOTO;ENCODING=BASE64;JPEG=:AA", "PHOTO;JPEG=:data:image/octet-stream;base64,AA"),
        (V4, "BDAY;VALUE=date:some day", "BDAY;VALUE=date:some day"),
        (V4, "KEY;TYPE=PGP;ENCODING=b:AAEC", "KEY:data:application/pgp;base64,AAEC"),
        (V3, "TEL;VALUE=uri;TYPE=work;PREF=1:tel:+33-1;ext=12", "TEL;TYPE=work,PREF:+33-1 ext. 12"),
        (V3, "EMAIL;PREF=50:c@example.org", "EMAIL:c@example.org"),
        (V3, "RELATED;TYPE=agent:urn:uuid:1", "RELATED;TYPE=agent:urn:uuid:1"),
    ],
)
def test_one_way(version, before, after):
    assert change(version, before) == [after]


def test_what_the_other_version_must_have_is_made():
    four = parse("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nFN:Claire; Dubois\r\nEND:VCARD\r\n")[0]
    assert "N:Claire  Dubois;;;;" in converted(four, V3).lines
    three = parse("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nN:Dubois;Claire;;;\r\nEND:VCARD\r\n")[0]
    assert "FN:Claire Dubois" in converted(three, V4).lines
    old = card("2.1", "TEL;HOME:1")
    assert converted(old, V4) is old


line = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
names = st.sampled_from(
    ["PHOTO", "BDAY", "TEL", "GEO", "KEY", "REV", "X-ANNIVERSARY", "KIND", "EMAIL", "ADR", "N", "FN"]
)


@given(st.lists(st.tuples(names, st.sampled_from(["", ";TYPE=PREF", ";ENCODING=b", ";VALUE=uri", ";PREF=1"]), line)),
       st.sampled_from(VERSIONS))  # fmt: skip
def test_any_lines_become_a_card_of_the_other_version(found, version):
    other = V3 if version == V4 else V4
    made = converted(card(other, *(f"{name}{param}:{value}" for name, param, value in found)), version)
    again = read_card(write(made))
    assert (again.version, again.uid) == (version, "1")
    assert len(made.lines) == 4 + len(found)


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("", ""),
        ("*/*", ""),
        ("text/html, application/xml", ""),
        ("text/vcard", ""),
        ("text/vcard; version=4.0", "4.0"),
        ('text/vcard;q=0.5;version="3.0", text/vcard;version=4.0;q=0.9', "4.0"),
        ("text/vcard;version=4.0, text/vcard", "4.0"),
        ("text/vcard;version=4.0;q=0.1, */*", ""),
        ("text/vcard;version=5.0", None),
        ("text/vcard;version=5.0, text/*;q=0.1", ""),
        ("text/vcard;version=4.0;q=0", None),
        ("text/vcard;version=4.0;q=much", None),
        (",;=,,", ""),
    ],
)
def test_the_version_that_is_accepted(header, version):
    assert accepted(header, VERSIONS) == version
