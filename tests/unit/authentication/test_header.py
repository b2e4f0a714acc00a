"""Authentication-Results: what we write can be read by others, and what others wrote in our name goes (RFC 8601)."""

import authres
import pytest

from optimails.authentication import Arc, Authentication, Dkim, Dmarc, Policy, Result, Spf, header

FOUND = Authentication(
    "2001:db8::1",
    (
        Spf(Result.PASS, "mailfrom", "example.org", "ann@example.org"),
        Spf(Result.NONE, "helo", "mx.example.org", "mx.example.org"),
    ),
    (
        Dkim(Result.PASS, "example.org", "sel", "rsa-sha256", "AbCd/+12"),
        Dkim(Result.FAIL, "list.test", "s1", "", "ZZ", "the body was changed"),
    ),
    Dmarc(Result.FAIL, "example.org", Policy.REJECT, Policy.NONE, "trusted sealer"),
    Arc(Result.PASS, 2, ("a.test", "b.test")),
)


def test_whole() -> None:
    assert header.render("mx.demo.test", FOUND).decode() == (
        "Authentication-Results: mx.demo.test;\r\n"
        "\tspf=pass smtp.mailfrom=ann@example.org;\r\n"
        "\tspf=none smtp.helo=mx.example.org;\r\n"
        '\tdkim=pass header.d=example.org header.s=sel header.a=rsa-sha256 header.b="AbCd/+12";\r\n'
        '\tdkim=fail reason="the body was changed" header.d=list.test header.s=s1 header.b=ZZ;\r\n'
        '\tdmarc=fail (p=reject dis=none) reason="trusted sealer" header.from=example.org;\r\n'
        '\tarc=pass (2 sets) smtp.remote-ip="2001:db8::1"\r\n'
    )  # fmt: skip


def test_another_implementation_reads_it() -> None:
    text = header.render("mx.demo.test", FOUND).decode().replace("\r\n\t", " ").strip()
    read = authres.AuthenticationResultsHeader.parse(text)
    assert read.authserv_id == "mx.demo.test"
    assert [(one.method, one.result) for one in read.results] == [
        ("spf", "pass"), ("spf", "none"), ("dkim", "pass"), ("dkim", "fail"), ("dmarc", "fail"), ("arc", "pass"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "evil", ['x" ; dkim=pass', "a\r\nSubject: x", "é\N{GREEK SMALL LETTER ALPHA}", "\0", "(", "a;b", "\\"]
)
def test_nothing_a_stranger_says_breaks_out(evil: str) -> None:
    found = Authentication(
        evil, (Spf(Result.NONE, "helo", evil, evil, evil),), (Dkim(Result.FAIL, evil, evil, evil, evil, evil),),
        Dmarc(Result.FAIL, evil, reason=evil), Arc(Result.FAIL, 1, reason=evil),
    )  # fmt: skip
    rendered = header.render("mx.demo.test", found)
    assert rendered.isascii()
    assert rendered.count(b"\r\n") == rendered.count(b"\n") == rendered.count(b"\r\n\t") + 1
    read = authres.AuthenticationResultsHeader.parse(rendered.decode().replace("\r\n\t", " ").strip())
    assert [(one.method, one.result) for one in read.results] == [
        ("spf", "none"), ("dkim", "fail"), ("dmarc", "fail"), ("arc", "fail"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "field",
    [
        b"Authentication-Results: mx.demo.test; dkim=pass\r\n",
        b"authentication-RESULTS:mx.demo.test\r\n",
        b"Authentication-Results : MX.Demo.Test.; none\r\n",
        b"Authentication-Results:\r\n\t(we (are (nested)) honest)\r\n mx.demo.test;\r\n\tdkim=pass\r\n",
        b'Authentication-Results: (c) "mx.demo.test"; none\r\n',
        b'Authentication-Results: "mx.\\demo.test" 1; none\r\n',
        b"Authentication-Results: mx.demo.test 1; none\r\n",
        b"Authentication-Results: mx.demo.test(comment); none\r\n",
        b"Authentication-Results: (unclosed mx.demo.test; dkim=pass\r\n",
    ],
)
def test_claims_to_be_us_go(field: bytes) -> None:
    rest = b"From: a@b.test\r\nSubject: x\r\n"
    assert header.without_claims(b"X: y\r\n" + field + rest, "mx.demo.test") == b"X: y\r\n" + rest
    assert header.without_claims(rest + field.replace(b"\r\n", b"", 0), "mx.demo.test") == rest
    assert header.newest(rest + field, "mx.demo.test") is not None


@pytest.mark.parametrize(
    "field",
    [
        b"Authentication-Results: mx.other.test; dkim=pass\r\n",
        b"Authentication-Results: mx.demo.test.other.test; dkim=pass\r\n",
        b"Authentication-Results: other.test; x=mx.demo.test\r\n",
        b"X-Authentication-Results: mx.demo.test; dkim=pass\r\n",
        b"ARC-Authentication-Results: i=1; mx.demo.test; dkim=pass\r\n",
        b"Subject: Authentication-Results: mx.demo.test\r\n",
    ],
)
def test_what_others_wrote_stays(field: bytes) -> None:
    message = b"X: y\r\n" + field + b"From: a@b.test\r\n"
    assert header.without_claims(message, "mx.demo.test") == message
    assert header.newest(message, "mx.demo.test") is None
