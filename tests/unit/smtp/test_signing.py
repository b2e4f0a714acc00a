"""For which domain submitted mail is signed: its author's, where authors are checked."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from optimails.delivery.spool import Spool
from optimails.dkim import Signer
from optimails.model.address import EmailAddress
from smtp.session.session import Session
from smtp.session.signing import signature
from tests.support.in_loop import in_loop

ANN = EmailAddress("ann", "one.test")


@pytest.mark.parametrize(
    ("author", "sender", "rule", "expected"),
    [
        ("ann@one.test", ANN, "refuse", {"one.test"}),
        ("ann@two.test", ANN, "refuse", {"two.test"}),  # an alias of hers
        ('"Ann, of Two" <ann@TWO.test>', ANN, "refuse", {"two.test"}),
        ("ann@two.test", None, "refuse", {"two.test"}),  # a receipt: nobody hears of its failure
        ("ann@none.test, ann@two.test", ANN, "refuse", {"two.test"}),
        ("ann@none.test", ANN, "refuse", {"one.test"}),
        ("ann@none.test", None, "refuse", set()),
        ("ann@two.test", ANN, "allow", {"one.test"}),  # nobody has checked it
        ("ann@two.test", None, "allow", set()),
        ("what <is this", ANN, "refuse", {"one.test"}),
    ],
)
@in_loop
async def test_the_domain_that_readers_see(
    tmp_path: Path, author: str, sender: EmailAddress | None, rule: str, expected: set[str]
) -> None:
    signer = Signer(tmp_path)
    for domain in ("one.test", "two.test"):
        signer.keys.make(domain)
    door = SimpleNamespace(signer=signer, submission=True, settings=SimpleNamespace(submission_from=rule))
    session = cast("Session", SimpleNamespace(door=door, account=object()))
    spool = Spool.of(f"From: {author}\r\nSubject: x\r\n\r\nHello\r\n".encode())
    fields = await signature(session, sender, b"", spool)
    assert {found.decode() for found in re.findall(rb"\bd=([^;]+);", fields)} == expected
