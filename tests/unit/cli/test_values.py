"""Sizes, moments, tables: what people write and read."""

from datetime import datetime, timedelta

import click
import pytest

from optimails.cli import output
from optimails.cli.service_file import SOCKETS, occupied
from optimails.cli.values import OF_PLAN, UNLIMITED, Limit, Moment, Weekdays, new_password

SIZE = Limit(size=True)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0", 0),
        ("1000", 1000),
        ("500M", 500 * 2**20),
        ("25G", 25 * 2**30),
        ("25 GB", 25 * 2**30),
        ("25 Go", 25 * 2**30),
        ("1.5g", 3 * 2**29),
        ("1,5 GiB", 3 * 2**29),
        ("2t", 2**41),
        ("unlimited", UNLIMITED),
        ("illimité", UNLIMITED),
        ("plan", OF_PLAN),
    ],
)
def test_sizes(text, octets):
    assert SIZE.convert(text, None, None) == octets


@pytest.mark.parametrize("text", ["", "G", "-1", "12X", "1..5G", "1e3", "٣"])
def test_what_is_no_size(text):
    with pytest.raises(click.BadParameter):
        SIZE.convert(text, None, None)


def test_limits_that_have_no_plan():
    with pytest.raises(click.BadParameter):
        Limit(size=True, of_plan=False).convert("plan", None, None)
    with pytest.raises(click.BadParameter):
        Limit(size=False, unlimited=False).convert("unlimited", None, None)


def test_moments():
    moment = Moment()
    assert moment.convert("2026-11-23 14:30", None, None).timetuple()[:5] == (2026, 11, 23, 14, 30)
    assert moment.convert("2026-11-23T14:30+02:00", None, None).utctimetuple()[:5] == (2026, 11, 23, 12, 30)
    two_days_ago = datetime.now().astimezone() - timedelta(days=2)
    assert two_days_ago <= moment.convert("2d", None, None) < two_days_ago + timedelta(hours=1)
    for wrong in ("yesterday", "99999999d", "2026-13-01"):
        with pytest.raises(click.BadParameter):
            moment.convert(wrong, None, None)


def test_made_up_passwords_differ_and_can_be_read_out():
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert not set("".join(made)) & set("lo01 ")


@pytest.mark.parametrize(
    ("octets", "english", "french"),
    [
        (0, "0 B", "0 o"),
        (1023, "1023 B", "1023 o"),
        (1024, "1 KB", "1 Ko"),
        (1536, "1.5 KB", "1,5 Ko"),
        (2**30, "1 GB", "1 Go"),
        (2**30 - 1, "1 GB", "1 Go"),
        (25 * 2**30, "25 GB", "25 Go"),
        (5000 * 2**40, "5000 TB", "5000 To"),
        (None, "unlimited", "illimité"),
    ],
)
def test_sizes_as_they_are_shown(monkeypatch, octets, english, french):
    for language, expected in (("en", english), ("fr", french)):
        monkeypatch.setattr(output, "language", lambda language=language: language)
        monkeypatch.setattr(output, "say", lambda key, language=language: output_text(key, language))
        assert output.size(octets).replace("\N{NO-BREAK SPACE}", " ") == expected


def output_text(key, language):
    from optimails.texts import text

    return text(key, language)


def test_columns_are_aligned_and_numbers_stand_to_the_right():
    lines = output.table(["NAME", "COUNT"], [["é", 5], ["longer", 12345]]).splitlines()
    assert lines[0] == "NAME    COUNT"
    assert lines[2] == "é           5"
    assert lines[3] == "longer  12345"


def test_every_protocol_has_a_standard_and_a_high_port_of_its_own():
    assert len({entry.standard for entry in SOCKETS}) == len({entry.high for entry in SOCKETS}) == len(SOCKETS)
    # ManageSieve's port by right needs no rights (RFC 5804 §1.8).
    assert all(entry.high >= 1024 > entry.standard or entry.standard == 4190 for entry in SOCKETS)


def test_a_port_may_become_free_while_it_is_tried():
    import socket
    import threading

    from optimails.config import Listener

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        listener = Listener(protocol="imap", address=f"127.0.0.1:{taken.getsockname()[1]}")
        assert occupied((listener,)) is not None
        closing = threading.Timer(0.2, taken.close)
        closing.start()
        assert occupied((listener,), patience=30) is None
        closing.join()


def test_a_taken_port_is_found():
    import socket

    from optimails.config import Listener

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        free = Listener(protocol="imap", address="127.0.0.1:0")
        found = occupied((free, Listener(protocol="pop3", address=f"127.0.0.1:{port}")))
        management = occupied((free,), f"127.0.0.1:{port}")
    assert found is not None
    assert management is not None
    assert management.number == 0
    assert (found.number, found.port, found.forbidden) == (2, port, False)
    assert occupied((free,)) is None


@pytest.mark.parametrize(
    ("text", "days", "spans"),
    [
        ("mo-fr 9-12 13:30-18", "MO TU WE TH FR", ["09:00-12:00", "13:30-18:00"]),
        ("lu-ve 9h-12h, 13h30-18h", "MO TU WE TH FR", ["09:00-12:00", "13:30-18:00"]),
        ("sat 8-24", "SA", ["08:00-00:00"]),
        ("Friday-Monday 0-1", "FR SA SU MO", ["00:00-01:00"]),
    ],
)
def test_working_hours(text, days, spans):
    found = Weekdays().convert(text, None, None)
    assert [day for day, _ in found] == days.split()
    assert all([f"{start:%H:%M}-{end:%H:%M}" for start, end in times] == spans for _, times in found)


@pytest.mark.parametrize(
    "text", ["xx 9-12", "mo 12-9", "mo 9-9", "mo 25-26", "mo 9-24:30", "mo 9-12:75", "mo", "", "9-12"]
)
def test_what_are_no_working_hours(text):
    with pytest.raises(click.BadParameter):
        Weekdays().convert(text, None, None)
