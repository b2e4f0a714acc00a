"""What a domain needs in the DNS: printed as a zone file that a name server reads, and checked against one."""

import dns.zone
import pytest

from tests.support.dns_server import local_dns


@pytest.fixture
def hosted(ready):
    ready.environment["OPTIMAILS__SERVER__HOSTNAME"] = "mail.provider.example"
    return ready


def zone_of(text):
    """As a name server loads it."""
    zone = dns.zone.from_text(text, origin="example.org.", relativize=False, check_origin=False)
    return {
        (name.to_text(omit_final_dot=True), rdataset.rdtype.name): [record.to_text() for record in rdataset]
        for name, rdataset in zone.iterate_rdatasets()
    }


def test_the_records_of_a_domain_can_be_copied_into_its_zone(hosted):
    hosted("domain", "dkim", "example.org")
    text, _ = hosted("domain", "dns", "example.org")
    zone = zone_of(text)
    assert zone["example.org", "MX"] == ["10 mail.provider.example."]
    assert zone["example.org", "TXT"] == ['"v=spf1 mx -all"']
    assert len([name for name, _ in zone if name.endswith("._domainkey.example.org")]) == 2
    assert zone["_imaps._tcp.example.org", "SRV"] == ["0 1 993 mail.provider.example."]
    assert {"_dmarc", "_mta-sts", "mta-sts", "autoconfig", "_smtp._tls"} <= {
        name.removesuffix(".example.org") for name, _ in zone
    }
    assert ";   mx: mail.provider.example" in text.splitlines()


def test_check_says_what_is_missing_or_different(hosted):
    hosted("domain", "dkim", "example.org")
    zone = zone_of(hosted("domain", "dns", "example.org")[0])
    zone["mail.provider.example", "A"] = ["192.0.2.1"]
    with local_dns(zone) as server:
        hosted.environment["OPTIMAILS__DNS__NAMESERVERS"] = f'["{server.address}"]'
        rows = hosted.json("domain", "dns", "example.org", "--check")
        assert {row["standing"] for row in rows} == {"present"}
        server.zone["example.org", "TXT"] = ['"v=spf1 include:other.example -all"', '"unrelated"']
        server.zone["example.org", "MX"] = ["10 mail.provider.example.", "20 old.example."]
        server.zone["mta-sts.example.org", "A"] = ["192.0.2.1"]
        del server.zone["mta-sts.example.org", "CNAME"], server.zone["_dmarc.example.org", "TXT"]
        rows = hosted.json("domain", "dns", "example.org", "--check", expect=3)
        by_purpose = {row["purpose"]: row["standing"] for row in rows if row["standing"] != "present"}
        assert by_purpose == {"spf": "different", "mx": "different", "dmarc": "missing"}
        shown, _ = hosted("domain", "dns", "example.org", "--check", language="fr", expect=3)
        assert "absent" in shown
    hosted("domain", "dns", "example.org", "--check", expect=75)  # nobody answers: do not know


def test_keys_are_made_once_and_rotated_on_demand(hosted):
    first = hosted.json("domain", "dkim", "example.org")
    assert first["made"]
    assert len(first["records"]) == 2
    assert hosted.json("domain", "dkim", "example.org") == {**first, "made": False}
    second = hosted.json("domain", "dkim", "example.org", "--rotate")
    assert {one["name"] for one in second["records"]}.isdisjoint(one["name"] for one in first["records"])
    listed = {one["name"] for one in hosted.json("domain", "dns", "example.org")["records"] if one["purpose"] == "dkim"}
    assert listed == {one["name"] for one in (*first["records"], *second["records"])}, "the old ones stay for a while"


def test_what_cannot_be_said(hosted):
    assert "There is no domain" in hosted("domain", "dns", "elsewhere.example", expect=1)[1]
    hosted.environment["OPTIMAILS__SERVER__HOSTNAME"] = "localhost"
    assert "hostname" in hosted("domain", "dns", "example.org", expect=1)[1]
