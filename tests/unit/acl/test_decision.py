"""Who may do what: every rule of ``optimails.acl.decision`` as a line of a table."""

from dataclasses import replace

import pytest

from optimails.acl import decision
from optimails.acl.decision import Through, Viewer, decide, sees_busy
from optimails.model.account import Account, AccountState, Entitlements, Feature, Limits
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from optimails.model.rights import (
    Bundle,
    Delegation,
    Entry,
    Identifier,
    Kind,
    Right,
    Scope,
    SendRight,
    Who,
    letters,
    parse_rights,
)

ALL = Entitlements(frozenset(Feature), "optimails")
BASIC = Entitlements(frozenset({Feature.SHARED_FOLDERS, Feature.DELEGATION}), "optimails")
EXCHANGE = Entitlements(frozenset(Feature), "exchange")
NOW = 1000.0


def account(name, plan=ALL, **more):
    return Account(
        AccountId(name), EmailAddress(name, "demo.test"), "", AccountState.ACTIVE, Limits(None, None, 0),
        entitlements=plan, **more,
    )  # fmt: skip


CLAIRE = account("claire")
ME = Identifier(Who.USER, "james")
TEAM = Identifier(Who.GROUP, "team@demo.test")
DOMAIN = Identifier(Who.DOMAIN, "demo.test")
ANYONE = Identifier(Who.ANYONE, "demo.test")
WHO_I_AM = frozenset({ME, TEAM, DOMAIN, ANYONE})


def james(plan=ALL):
    return Viewer(account("james", plan), WHO_I_AM)


def entries(**given):
    names = {"me": ME, "team": TEAM, "domain": DOMAIN, "anyone": ANYONE, "owner": Identifier(Who.OWNER)}
    names |= {"other": Identifier(Who.USER, "mia"), "elsewhere": Identifier(Who.ANYONE, "other.test")}
    return [
        Entry(names[name.removeprefix("not_")], parse_rights(rights), name.startswith("not_"))
        for name, rights in given.items()
    ]


def delegation(bundle=Bundle.READER, send=SendRight.NO, **more):
    return Delegation(AccountId("claire"), AccountId("james"), bundle, send, **more)


@pytest.mark.parametrize(
    ("given", "rights"),
    [
        ({}, ""),
        ({"me": "lr"}, "lr"),
        ({"team": "lr"}, "lr"),
        ({"domain": "lr"}, "lr"),
        ({"anyone": "lr"}, "lr"),
        ({"other": "lr"}, ""),
        ({"elsewhere": "lr"}, ""),  # another company's everybody
        ({"owner": "lr"}, ""),
        ({"me": "lr", "team": "ws"}, "lrsw"),
        ({"me": "lrw", "not_team": "w"}, "lr"),  # RFC 4314 §2: negative rights win
        ({"team": "lrw", "not_me": "rw"}, "l"),
        ({"not_me": "lr"}, ""),
        ({"me": "lr", "not_other": "lr"}, "lr"),
        ({"me": "lrswipkxtea90"}, "lrswipkxtea9"),  # the mark is no right
    ],
)
def test_entries(given, rights):
    assert letters(decide(james(), CLAIRE, entries(**given), [], NOW).rights) == rights


@pytest.mark.parametrize("given", [{}, {"owner": "l"}, {"not_anyone": "lrswipkxtea"}, {"not_owner": "a"}])
def test_an_owner_has_every_right(given):
    viewer = Viewer(CLAIRE, frozenset({ANYONE, Identifier(Who.OWNER)}))
    effective = decide(viewer, CLAIRE, entries(**given), [], NOW)
    assert letters(effective.rights) == "lrswipkxtea9"
    assert effective.through is Through.OWNERSHIP


@pytest.mark.parametrize(
    ("viewer", "owner", "shared", "delegated", "domain_folder"),
    [
        (ALL, ALL, True, True, True),
        (BASIC, ALL, False, True, True),  # P13 is in both plans or in none
        (ALL, BASIC, False, True, True),
        (BASIC, BASIC, False, True, True),
        (EXCHANGE, ALL, False, False, True),  # two worlds; what is the domain's is for both
        (ALL, EXCHANGE, False, False, True),
        (EXCHANGE, EXCHANGE, True, True, True),
        (Entitlements(), ALL, False, False, False),
        (ALL, Entitlements(), False, False, True),
        (Entitlements(), Entitlements(), False, False, False),
    ],
)
def test_plans(viewer, owner, shared, delegated, domain_folder):
    mine, theirs = entries(me="lr"), account("claire", owner)
    folders = account("claire", owner, domain_folders=True)
    assert bool(decide(james(viewer), theirs, mine, [], NOW).rights) == shared
    assert bool(decide(james(viewer), theirs, [], [delegation()], NOW).rights) == delegated
    assert bool(decide(james(viewer), folders, mine, [], NOW).rights) == domain_folder


@pytest.mark.parametrize(("plan", "rights"), [(ALL, "lr9"), (BASIC, "lr")])
def test_free_busy_needs_a_plan_that_has_it(plan, rights):
    folders = account("claire", domain_folders=True)
    assert letters(decide(james(plan), folders, entries(me="lr9"), [], NOW).rights) == rights


@pytest.mark.parametrize(
    ("viewer", "owner", "given", "seen"),
    [
        (ALL, {}, {}, True),  # colleagues see it without any entry
        (EXCHANGE, {}, {}, True),
        (BASIC, {}, {}, False),
        (BASIC, {}, {"me": "9"}, False),
        (ALL, {"shows_busy": False}, {}, False),
        (ALL, {"shows_busy": False}, {"me": "9"}, True),
        (ALL, {"shows_busy": False}, {"anyone": "lr"}, True),  # who reads it knows it
        (ALL, {}, {"not_anyone": "9"}, False),
        (ALL, {}, {"not_me": "9"}, False),
        (ALL, {}, {"not_other": "9"}, True),
        (ALL, {}, {"not_anyone": "9", "me": "lr"}, True),
        (ALL, {"domain_folders": True}, {}, False),
        (ALL, {"state": AccountState.SUSPENDED}, {}, True),
        (ALL, {"state": AccountState.CLOSED}, {"me": "9"}, False),
        (ALL, {"address": EmailAddress("claire", "elsewhere.test")}, {}, False),
        (ALL, {"address": EmailAddress("claire", "elsewhere.test")}, {"me": "9"}, True),
    ],
)
def test_who_sees_when_somebody_is_busy(viewer, owner, given, seen):
    assert sees_busy(james(viewer), replace(CLAIRE, **owner), entries(**given), [], NOW) is seen


def test_a_delegate_sees_it_on_every_plan():
    assert sees_busy(james(BASIC), replace(CLAIRE, shows_busy=False), [], [delegation()], NOW)


@pytest.mark.parametrize(
    ("starts", "ends", "good", "until"),
    [
        (None, None, True, None),
        (1000, None, True, None),
        (1001, None, False, 1001),
        (None, 1001, True, 1001),
        (None, 1000, False, None),
        (900, 1100, True, 1100),
        (1100, 1200, False, 1100),
    ],
)
def test_a_delegation_has_its_time(starts, ends, good, until):
    effective = decide(james(), CLAIRE, [], [delegation(starts=starts, ends=ends)], NOW)
    assert bool(effective.rights) == good
    assert effective.until == until
    assert (effective.through is Through.DELEGATION) == good


def test_a_delegation_is_for_one_and_adds_to_entries_and_is_not_cut_by_them():
    someone = replace(delegation(), delegate=AccountId("mia"))
    assert not decide(james(), CLAIRE, [], [someone], NOW).rights
    assert not decide(james(), CLAIRE, [], [someone, delegation(starts=2000)], NOW).rights
    cut = decide(james(), CLAIRE, entries(me="lriw", not_team="rsw"), [delegation()], NOW)
    assert letters(cut.rights) == "lrsi9"
    assert cut.may(Right.LOOKUP, Right.READ)
    assert not cut.may(Right.READ, Right.WRITE)


@pytest.mark.parametrize(
    ("given", "delegated", "hidden"),
    [
        ({"me": "lr"}, None, False),
        ({"me": "lr0"}, None, True),
        ({"me": "lr0", "team": "lr"}, None, False),
        ({"me": "lr0", "team": "l"}, None, True),  # who may not read opens nothing
        ({"me": "l"}, None, True),
        ({"me": "lr", "not_team": "r"}, None, True),
        ({}, {"hide_private": True}, True),
        ({}, {"hide_private": False}, False),
        ({"me": "lr"}, {"hide_private": True}, False),
        ({"me": "lr0"}, {"hide_private": False}, False),
    ],
)
def test_what_is_private_is_hidden_unless_some_way_shows_it(given, delegated, hidden):
    delegations = [] if delegated is None else [delegation(**delegated)]
    assert decide(james(), CLAIRE, entries(**given), delegations, NOW).hide_private == hidden


def test_closed_accounts_neither_share_nor_look():
    gone = replace(CLAIRE, state=AccountState.CLOSED)
    assert decide(james(), gone, entries(me="lr"), [delegation()], NOW) == decision.NONE
    me = Viewer(replace(james().account, state=AccountState.CLOSED), WHO_I_AM)
    assert decide(me, CLAIRE, entries(me="lr"), [delegation()], NOW) == decision.NONE


@pytest.mark.parametrize(
    ("delegations", "plan", "right"),
    [
        ([], ALL, SendRight.NO),
        ([delegation(send=SendRight.ON_BEHALF)], ALL, SendRight.ON_BEHALF),
        ([delegation(send=SendRight.SEND_AS)], BASIC, SendRight.SEND_AS),
        ([delegation(send=SendRight.SEND_AS)], EXCHANGE, SendRight.NO),
        ([delegation(send=SendRight.SEND_AS, ends=1000)], ALL, SendRight.NO),
    ],
)
def test_in_whose_name(delegations, plan, right):
    assert decision.send_right(james(plan).account, CLAIRE, delegations, NOW) is right


def test_in_ones_own_name_and_never_in_that_of_who_is_gone():
    assert decision.send_right(CLAIRE, CLAIRE, [], NOW) is SendRight.OWN
    gone = replace(CLAIRE, state=AccountState.CLOSED)
    given = [delegation(send=SendRight.SEND_AS)]
    assert decision.send_right(james().account, gone, given, NOW) is SendRight.NO


@pytest.mark.parametrize("kind", list(Kind))
def test_a_delegation_of_calendars_is_for_calendars_and_task_lists(kind):
    given = [delegation(scope=Scope.CALENDARS)]
    allowed = kind in (Kind.CALENDAR, Kind.TASKS)
    assert bool(decide(james(), CLAIRE, [], given, NOW, kind=kind).rights) == allowed
    full = [delegation(Bundle.FULL, SendRight.SEND_AS, scope=Scope.CALENDARS)]
    assert decision.send_right(james().account, CLAIRE, full, NOW) is SendRight.NO


@pytest.mark.parametrize(
    ("given", "plan", "copied"),
    [
        ({}, ALL, False),
        ({"invitations": True}, ALL, True),
        ({"invitations": True}, EXCHANGE, False),
        ({"invitations": True, "starts": 2000}, ALL, False),
        ({"invitations": True, "ends": 1000}, ALL, False),
        ({"invitations": True, "scope": Scope.CALENDARS}, ALL, True),
        ({"invitations": True, "delegate": AccountId("mia")}, ALL, False),
    ],
)
def test_who_gets_copies_of_invitations(given, plan, copied):
    delegations = [replace(delegation(), **given)]
    assert (decision.copied_to(james(plan).account, CLAIRE, delegations, NOW) is not None) == copied
    gone = replace(CLAIRE, state=AccountState.CLOSED)
    assert decision.copied_to(james().account, gone, delegations, NOW) is None
