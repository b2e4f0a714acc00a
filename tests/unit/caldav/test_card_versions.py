"""A program gets cards in the version that it names, whatever they are kept in."""

import pytest

from tests.support.calendars import card
from tests.support.dav import CARD, DAV, Door

BOOK = "/claire@example.org/contacts/"
FOUR = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:four\r\nFN:Four\r\nBDAY:--0321\r\nEND:VCARD\r\n"


@pytest.fixture(scope="module")
def door():
    made = Door()
    assert made("PUT", BOOK + "3.vcf", card("three", "Three")).status == 201
    assert made("PUT", BOOK + "4.vcf", FOUR).status == 201
    return made


def data(door, form, name="3"):
    href = f"<D:href>/dav{BOOK}{name}.vcf</D:href>"
    return door.report(BOOK, "A:addressbook-multiget", f"<D:prop><D:getetag/>{form}</D:prop>{href}")


def text(found):
    (one,) = found.items.values()
    return one[f"{CARD}address-data"].text


def test_reports_give_the_version_that_is_asked_for(door):
    as_kept = text(data(door, "<A:address-data/>"))
    assert "VERSION:3.0" in as_kept
    assert text(data(door, '<A:address-data content-type="text/vcard" version="3.0"/>')) == as_kept
    four = data(door, '<A:address-data content-type="text/vcard" version="4.0"/>')
    assert "VERSION:4.0" in text(four)
    some = text(data(door, '<A:address-data version="3.0"><A:prop name="BDAY"/></A:address-data>', "4"))
    assert "BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-21" in some
    assert "FN" not in some
    assert next(iter(four.items.values()))[f"{DAV}getetag"].text == f'"{etag(door)}"'


def etag(door):
    return door("GET", BOOK + "3.vcf").headers["ETag"].strip('"')


@pytest.mark.parametrize("form", ['version="5.0"', 'content-type="application/vcard+json"'])
def test_reports_in_what_we_cannot_write_are_refused(door, form):
    refused = data(door, f"<A:address-data {form}/>")
    assert refused.status == 403
    assert "supported-address-data" in refused.text


def test_a_card_by_itself_is_negotiated(door):
    plain = door("GET", BOOK + "4.vcf")
    assert (plain.text, plain.headers["Vary"]) == (FOUR, "Accept")
    old = door("GET", BOOK + "4.vcf", accept="text/vcard;version=3.0")
    assert "VERSION:3.0" in old.text
    assert old.headers["Content-Type"] == "text/vcard; charset=utf-8; version=3.0"
    assert old.headers["ETag"] == plain.headers["ETag"]
    assert door("GET", BOOK + "4.vcf", accept="text/vcard;version=5.0").status == 406
