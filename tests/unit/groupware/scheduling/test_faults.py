"""Killed at any statement of a change between two calendars, they are both as before or both as after it.

The process "dies" behind the n-th statement that writes, n = 1, 2, 3 … until it lives; then another one starts, and its
jobs worker does what waits. Nothing is lost, nothing is there twice, in the inboxes neither.
"""

import shutil
import sqlite3

import pytest

from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.service import FILE
from tests.support.colleagues import Company
from tests.support.meetings import ANN, BOB, EVE, ONCE, SECOND, SERIES, at, meeting, part

PLAIN = meeting(part(*ONCE))
WEEKLY = meeting(part(*SERIES))


class Killed(BaseException):
    """The process is gone."""


class Trap(sqlite3.Connection):
    """Dies behind the statement at which the count comes to nothing."""

    left = None

    def execute(self, statement, *values):
        if statement.startswith("PRAGMA synchronous"):  # no power is cut here
            statement = "PRAGMA synchronous = OFF"
        result = super().execute(statement, *values)
        if Trap.left is not None and statement.split()[0] not in ("SELECT", "PRAGMA"):
            Trap.left -= 1
            if Trap.left == 0:
                if self.in_transaction:  # as whoever opens the file next finds it
                    super().execute("ROLLBACK")
                raise Killed
        return result


def decline_one(company):
    company.put(BOB, meeting(part(*SERIES), at(SECOND, bob="DECLINED")), name_at(company, BOB))


def name_at(company, who):
    with company.of(who) as opened:
        return opened.items(opened.collection("calendar"))[0].name


CHANGES = {
    "invited, and mail": (None, lambda it: it.put(ANN, meeting(part(*ONCE, people=(EVE, BOB))))),
    "one declined": (WEEKLY, decline_one),
    "moved": (PLAIN, lambda it: it.change(ANN, b"T090000Z", b"T080000Z")),
    "called off": (PLAIN, lambda it: it.delete(ANN)),
}  # fmt: skip


def state(company):
    """Everything that the two see, and what went out by mail."""
    both = [(company.texts(who), company.inbox(who), company.waiting(who)) for who in (ANN, BOB)]
    return both, sorted(set(company.mail))


def recovered(data, mail, now):
    """Another process, whose jobs worker has done what waits."""
    company = Company(data)
    company.mail, company.now = mail, now
    accounts = {one.id: one for one in company.accounts.values()}
    for _ in range(2):
        for account in Pending(data).marked():
            company.scheduler.deliver(accounts[account])
    return company


@pytest.mark.parametrize(("prepared", "change"), CHANGES.values(), ids=CHANGES)
def test_both_calendars_are_right_wherever_it_dies(prepared, change, tmp_path, monkeypatch):
    connect = sqlite3.connect

    def trapped(path, *args, **options):
        if str(path).endswith(FILE):
            options["factory"] = Trap
        return connect(path, *args, **options)

    monkeypatch.setattr(sqlite3, "connect", trapped)
    first = Company(tmp_path / "0")
    if prepared is not None:
        first.put(ANN, prepared)
    before, now = state(first), first.now
    first.close()
    shutil.copytree(tmp_path / "0", tmp_path / "1")
    whole = Company(tmp_path / "1")
    whole.now = now
    change(whole)
    after = state(whole)
    whole.close()
    assert after != before
    seen, at_statement = [], 0
    while True:
        at_statement += 1
        data = tmp_path / "try"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(tmp_path / "0", data)
        company = Company(data)
        company.now = now
        company.texts(ANN), company.texts(BOB)
        Trap.left = at_statement
        try:
            change(company)
            died = False
        except Killed:
            died = True
        finally:
            Trap.left = None
        again = recovered(data, company.mail, now + 1)
        found = state(again)
        again.close()
        company.close()
        assert found in (before, after), f"died behind statement {at_statement}"
        seen.append(found == after)
        if not died:
            break
    assert seen[-1]
    assert seen == sorted(seen), "once it is done, it stays done"
    assert seen.count(True) > 5
