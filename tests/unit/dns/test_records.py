"""Records of calendars and contacts (RFC 6764 §3, §4)."""

from optimails.dns.records import Service, records_for


def test_calendars_are_found_by_srv_and_txt():
    services = [Service(name, 443, "mail.example.org") for name in ("_caldavs._tcp", "_carddavs._tcp")]
    made = records_for("example.org", "mail.example.org", dkim=[], postmaster="p@example.org", services=services)
    dav = [(one.name, one.kind, one.value) for one in made if one.purpose == "dav"]
    assert dav == [
        ("_caldavs._tcp.example.org", "SRV", "0 1 443 mail.example.org."),
        ("_caldavs._tcp.example.org", "TXT", "path=/dav/"),
        ("_carddavs._tcp.example.org", "SRV", "0 1 443 mail.example.org."),
        ("_carddavs._tcp.example.org", "TXT", "path=/dav/"),
    ]
