"""Where links lead, whatever they are dressed in."""

import pytest

from securemail.links import html_links, link_to, text_links


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Example.ORG/x", "example.org"),
        ("https://example.org.:8443?q", "example.org"),
        ("https:\\\\example.org\\x", "example.org"),
        ("https://paypal.com@evil.test/", "evil.test"),
        ("http://evil%2Etest/", "evil.test"),
        ("ht\ntp://evil.\ttest", "evil.test"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://0x7f000001/", "127.0.0.1"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("http://пример.test/", "пример.test"),
    ],
)
def test_host(url: str, host: str) -> None:
    link = link_to(url)
    assert link is not None
    assert link.host == host


@pytest.mark.parametrize("url", ["mailto:a@b.test", "cid:1@x", "#top", "/path", "http://", "javascript:void(0)", ""])
def test_no_web_page(url: str) -> None:
    assert link_to(url) is None


def test_user_before_the_host() -> None:
    assert [link_to(url).user for url in ("http://a@b.test", "http://b.test/@a")] == [True, False]


def test_in_plain_text() -> None:
    text = "See www.example.org, or (https://example.net/a_(b)). Not mail@www.example.com; <http://third.test>"
    assert [link.host for link in text_links(text)] == ["www.example.org", "example.net", "third.test"]


def test_in_html() -> None:
    source = (
        '<A title="x" data-href="no" HREF = "https://a.test/?x=1&amp;y=2"><b>my</b> bank</A>'
        "<a href=http://b.test/>two</a><a name=x>no</a><img alt='' src='http://c.test/p.gif'>"
    )
    found = [(link.url, link.shown, link.clicked) for link in html_links(source)]
    assert found == [
        ("https://a.test/?x=1&y=2", "my bank", True),
        ("http://b.test/", "two", True),
        ("http://c.test/p.gif", "", False),
    ]


@pytest.mark.parametrize("piece", ["<a href=", "<a ", "<a href='x'>", "http://", "<img src", "www."])
def test_hostile_repetition_ends(piece: str) -> None:
    list(html_links(piece * 40_000))
    list(text_links(piece * 40_000))
