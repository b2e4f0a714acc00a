"""Accounts that invite each other: their calendars, and a directory that knows them."""

from contextlib import contextmanager

from optimails.groupware.api import Conditions
from optimails.groupware.scheduling import outbox
from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.scheduling.planning import Writer
from optimails.groupware.scheduling.scheduler import Scheduler
from optimails.groupware.scheduling.users import ELSEWHERE, NOBODY, User
from optimails.groupware.service import LocalGroupware
from optimails.model.account import Account, AccountState, Limits
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from tests.support.meetings import ANN, BOB, CAT, NOW, answers


def account(address):
    return Account(
        AccountId(address[:3] * 4), EmailAddress.parse(address), "basic", AccountState.ACTIVE, Limits(None, None, 0)
    )


class Company:
    """Ann, Bob and Cat; Ann is also a.lee. Everybody at example.org but them is unknown."""

    def __init__(self, data=None, **options):
        self.now = NOW
        self.mail = []
        self.accounts = {address: account(address) for address in (ANN, BOB, CAT)}
        self.accounts["a.lee@example.org"] = self.accounts[ANN]
        self.groupware = LocalGroupware(data)
        options.setdefault("outgoing", self)
        self.scheduler = Scheduler(self.groupware, self, Pending(data), clock=lambda: self.now, **options)

    def users(self, addresses):
        return {one: self._user(one) for one in addresses}

    def _user(self, address):
        if address in self.accounts:
            return User(self.accounts[address])
        return NOBODY if address.endswith("@example.org") or "@" not in address else ELSEWHERE

    def send(self, sender, message):
        self.mail.append((str(sender.address), message.method.value, message.recipient))

    @contextmanager
    def of(self, address):
        with self.groupware.open(self.accounts[address]) as opened:
            yield opened

    def put(self, address, text, name="m1.ics", where="calendar", *, by=None, **conditions):
        with self.of(address) as opened:
            self.now += 1
            writer = by or Writer(self.accounts[address])
            return self.scheduler.put(
                opened, writer, opened.collection(where), name, text, Conditions(**conditions)
            )[0]  # fmt: skip

    def delete(self, address, name=None, **options):
        with self.of(address) as opened:
            self.now += 1
            found = name or opened.items(opened.collection("calendar"))[0].name
            writer = Writer(self.accounts[address])
            self.scheduler.delete(opened, writer, opened.collection("calendar"), found, **options)

    def texts(self, address, where="calendar"):
        """The texts of a calendar, in no order that means something."""
        with self.of(address) as opened:
            collection = opened.collection(where)
            return [opened.read(collection, item.name)[1] for item in opened.items(collection)] if collection else []

    def text(self, address):
        (found,) = self.texts(address)
        return found

    def change(self, address, before, after):
        """What a program does: read, replace, store."""
        with self.of(address) as opened:
            (item,) = opened.items(opened.collection("calendar"))
        text = self.text(address)
        assert before in text
        return self.put(address, text.replace(before, after), item.name)

    def answers(self, address, who):
        return answers(self.text(address), who)

    def inbox(self, address):
        return self.texts(address, "schedule-inbox")

    def waiting(self, address):
        with self.of(address) as opened:
            return [(row.method, row.recipient, row.due) for row in outbox.listed(opened)]

    def close(self):
        self.groupware.close()
