"""Search finds what a user would say matches."""

from datetime import UTC, date, datetime

import pytest

from optimails.mailbox import searching
from optimails.mailbox.api import MessageSet, NewMessage, Want
from optimails.model import query as q
from optimails.model.errors import Reason, Refused
from optimails.model.flags import DELETED, FLAGGED, SEEN, Flag
from optimails.model.number_set import STAR, NumberSet
from tests.support.memory import account, memory_mail
from tests.support.run import run

BUDGET = (
    b"Subject: =?utf-8?q?R=C3=A9union_du_budget?=\r\nFrom: Zo=?utf-8?q?=C3=A9?= <zoe@demo.test>\r\n"
    b"Date: Mon, 1 Jan 2024 23:30:00 -0800\r\n\r\nPlain words\r\n"
)
INVOICE = (
    b"Subject: Invoice\r\nX-Odd: Needle\r\nDate: Tue, 2 Jan 2024 10:00:00 +0000\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"VG90YWwgw6kgcGF5ZXI6IDQyIOKCrA==\r\n"
)
HTML = b"Subject: HTML\r\nContent-Type: text/html\r\n\r\n<p>Hidden <b>trea</b>sure &eacute;</p>\r\n" + b"x" * 5000
MAILS = [
    (BUDGET, {SEEN}, datetime(2024, 1, 2, 8, tzinfo=UTC)),
    (INVOICE, {FLAGGED}, datetime(2024, 1, 3, tzinfo=UTC)),
    (HTML, {SEEN, DELETED, Flag("$Work")}, datetime(2024, 2, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (q.All(), [1, 2, 3]),
        (q.HasFlag(SEEN), [1, 3]),
        (q.Not(q.HasFlag(SEEN)), [2]),
        (q.HasFlag(FLAGGED), [2]),
        (q.HasFlag(DELETED), [3]),
        (q.HasFlag(Flag("$WORK")), [3]),
        (q.HasFlag(Flag("$Nobody")), []),
        (q.And((q.HasFlag(SEEN), q.Not(q.HasFlag(DELETED)))), [1]),
        (q.Or((q.HasFlag(FLAGGED), q.HasFlag(DELETED))), [2, 3]),
        (q.InSet(NumberSet(((2, STAR),)), by_uid=False), [2, 3]),
        (q.InSet(NumberSet(((9, STAR),)), by_uid=True), [3]),
        (q.HeaderContains("Subject", "reunion"), [1]),
        (q.HeaderContains("subject", "RÉUNION"), [1]),
        (q.HeaderContains("From", "zoé"), [1]),
        (q.HeaderContains("X-Odd", ""), [2]),
        (q.HeaderContains("X-Odd", "needle"), [2]),
        (q.HeaderContains("X-Odd", "haystack"), []),
        (q.BodyContains("payer: 42 €"), [2]),
        (q.BodyContains("hidden treasure é"), [3]),
        (q.BodyContains("invoice"), []),
        (q.TextContains("invoice"), [2]),
        (q.LargerThan(5000), [3]),
        (q.SmallerThan(5000), [1, 2]),
        (q.DateSince(q.DateField.INTERNAL, date(2024, 1, 3)), [2, 3]),
        (q.DateBefore(q.DateField.INTERNAL, date(2024, 1, 3)), [1]),
        (q.DateBefore(q.DateField.SENT, date(2024, 1, 2)), [1]),  # the day as written, whatever the zone
        (q.DateSince(q.DateField.SENT, date(2024, 1, 2)), [2]),
        (q.DateSince(q.DateField.SAVED, date(2024, 3, 1)), [1, 2, 3]),
        (q.YoungerThan(3600), []),
        (q.ChangedSince(1), [1, 2, 3]),
        (q.ChangedSince(10**6), []),
    ],
)
def test_search(query, expected):
    @run
    async def search():
        mail = await memory_mail().open(account())
        await mail.append("INBOX", [NewMessage(content, frozenset(flags), when) for content, flags, when in MAILS])
        box = await mail.select("INBOX")
        assert await box.search(query) == expected

    search()


@run
async def test_a_message_is_found_by_its_object_id():
    mail = await memory_mail().open(account())
    await mail.append("INBOX", [NewMessage(content) for content, _, _ in MAILS])
    box = await mail.select("INBOX")
    everything = MessageSet(NumberSet(((1, STAR),)), by_uid=True)
    ids = [row.object_id async for rows in box.fetch(everything, Want.OBJECT_ID) for row in rows]
    assert await box.search(q.HasObjectId(ids[1])) == [2]
    assert await box.search(q.HasObjectId("nobody")) == []


@run
async def test_a_search_of_endless_work_is_refused_and_repeated_terms_cost_nothing(monkeypatch):
    mail = await memory_mail().open(account())
    await mail.append("INBOX", [NewMessage(BUDGET)] * 10)
    box = await mail.select("INBOX")
    monkeypatch.setattr(searching, "WORK", 100)
    assert len(await box.search(q.And((q.LargerThan(1),) * 2000))) == 10
    with pytest.raises(Refused) as refused:
        await box.search(q.And(tuple(q.LargerThan(size) for size in range(20))))
    assert refused.value.reason is Reason.LIMIT
    monkeypatch.undo()
    assert len(await box.search(q.And(tuple(q.LargerThan(size) for size in range(20))))) == 10
