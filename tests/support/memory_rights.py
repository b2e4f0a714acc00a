"""The directory's rights in memory: the same decisions over dictionaries. No aliases: groups are ``groups``."""

import time

from optimails.acl import decision
from optimails.acl.decision import NONE, Effective, Viewer
from optimails.directory.identifiers import identifiers_of
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.rights import NOTHING, Entry, Identifier, Object, Offer, Right, SendRight, Sharing, Who


class MemoryRights:
    """``accounts`` are those of the directory's twin, by address; ``away`` as there."""

    def __init__(self, accounts, away=lambda: False):
        self.accounts = accounts
        self.away = away
        self.groups: dict[str, set[str]] = {}  # addresses of the members, by the group's
        self.entries: dict[tuple[str, Object], dict[tuple[Identifier, bool], Entry]] = {}
        self.delegations = []
        self.given_answers = {}
        self.common_seen_of = set()  # accounts whose mailboxes have one \\Seen for all

    def _account(self, identity):
        return next((account for account in self.accounts.values() if account.id == identity), None)

    def _viewer(self, identity):
        account = self._account(identity)
        if account is None:
            return None
        groups = [group for group, members in self.groups.items() if account.address.key in members]
        return Viewer(account, identifiers_of(account, groups))

    async def effective(self, viewer, owner, on) -> Effective:
        return (await self.effective_on(viewer, owner, [on]))[on]

    async def effective_on(self, viewer, owner, objects):
        who, whose, known = self._viewer(viewer), self._account(owner), await self.sharing(owner)
        if who is None or whose is None:
            return dict.fromkeys(objects, NONE)
        now = time.time()
        return {
            on: decision.decide(who, whose, known.entries.get(on, ()), known.delegations, now, kind=on.kind)
            for on in objects
        }

    async def busy_seen(self, viewer, owner, calendars):
        who, whose, known = self._viewer(viewer), self._account(owner), await self.sharing(owner)
        if viewer == owner:
            return frozenset(calendars)
        entries, now = known.entries, time.time()
        return frozenset(
            on for on in calendars if decision.sees_busy(who, whose, entries.get(on, ()), known.delegations, now)
        )

    async def is_named(self, viewer, identifiers):
        who = self._viewer(viewer)
        return who is not None and any(one in who.identifiers for one in identifiers)

    def _check(self):
        if self.away():
            raise Unavailable("The directory is away")

    async def sharing(self, owner) -> Sharing:
        self._check()
        entries = {on: tuple(lines.values()) for (whose, on), lines in self.entries.items() if whose == owner and lines}
        common = frozenset(entries) if owner in self.common_seen_of else frozenset()
        return Sharing(entries, tuple(given for given in self.delegations if given.owner == owner), common)

    async def offers(self, viewer, *kinds):
        self._check()
        who = self._viewer(viewer)
        found = {
            (owner, on): any(Right.READ in one.rights for one in lines.values() if one.identifier in who.identifiers)
            for (owner, on), lines in self.entries.items()
            if owner != viewer
            and on.kind in kinds
            and any(name in who.identifiers and not negative for name, negative in lines)
        }
        owners = {
            given.owner
            for given in self.delegations
            if given.delegate == viewer and any(map(given.scope.covers, kinds))
        }
        found |= {(owner, None): True for owner in owners}
        found |= {
            (owner, on): True
            for who, owner, on in self.given_answers
            if who == viewer and owner in owners and on is not None and on.kind in kinds
        }
        domains = {account.id for account in self.accounts.values() if account.domain_folders}
        return [
            Offer(owner, on, self.given_answers.get((viewer, owner, on)), owner in domains, reads)
            for (owner, on), reads in found.items()
        ]

    async def answers(self, owner):
        return {(who, on): one for (who, whose, on), one in self.given_answers.items() if whose == owner and one}

    async def owners_with_copies(self):
        self._check()
        return sorted({given.owner for given in self.delegations if given.invitations})

    async def send_right(self, viewer, owner) -> SendRight:
        known = await self.sharing(owner)
        return decision.send_right(self._account(viewer), self._account(owner), known.delegations, time.time())

    async def identify(self, text, owner):
        if text in ("anyone", "owner"):
            return Identifier(Who(text), owner.address.domain if text == "anyone" else "")
        address = text if "@" in text else f"{text}@{owner.address.domain}"
        if address in self.accounts:
            return Identifier(Who.USER, self.accounts[address].id)
        if address in self.groups:
            return Identifier(Who.GROUP, address)
        raise Refused(Reason.NON_EXISTENT, f"There is nobody called {text}")

    async def shown(self, names):
        shown = {}
        for name in names:
            account = self._account(name.name) if name.who is Who.USER else None
            shown[name] = str(account.address) if account else str(name).removesuffix(":demo.test")
        return shown

    async def put_entry(self, owner, on, entry):
        lines = self.entries.setdefault((owner, on), {})
        lines.pop((entry.identifier, entry.negative), None)
        if entry.rights:
            lines[entry.identifier, entry.negative] = entry
        elif entry.identifier.who is Who.USER and not entry.negative:
            self.given_answers.pop((entry.identifier.name, owner, on), None)

    async def put_entries(self, owner, on, entries):
        for entry in entries:
            await self.put_entry(owner, on, entry)

    async def change_entry(self, owner, on, identifier, *, negative, add, remove):
        have = self.entries.get((owner, on), {}).get((identifier, negative))
        rights = ((have.rights if have else NOTHING) | add) & ~remove
        await self.put_entry(owner, on, Entry(identifier, rights, negative))

    async def copy_entries(self, owner, source, target):
        self._check()
        for entry in list(self.entries.get((owner, source), {}).values()):
            await self.put_entry(owner, target, entry)

    async def forget_object(self, owner, on):
        self._check()
        self.entries.pop((owner, on), None)

    async def answer(self, viewer, owner, on, answer):
        self.given_answers[viewer, owner, on] = answer

    async def set_delegations(self, given, gone):
        self.delegations = [one for one in self.delegations if one not in gone]
        for one in given:
            await self.delegate(one)

    async def delegate(self, given):
        others = [one for one in self.delegations if (one.owner, one.delegate) != (given.owner, given.delegate)]
        self.delegations = [*others, given]
