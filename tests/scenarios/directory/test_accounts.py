"""Domains, accounts, plans and what becomes of them when they are removed."""

import pytest

from optimails.config.directory import DirectorySettings
from optimails.directory.admin import UNLIMITED, Admin
from optimails.model.account import AccountState
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused
from tests.support.in_loop import in_loop

GIB = 2**30


@pytest.fixture
def demo(admin: Admin) -> Admin:
    admin.domain_add("demo.test")
    return admin


def test_the_three_plans_are_there_and_can_be_changed(demo):
    plans = {plan.id: plan for plan in demo.plan_list()}
    assert {name: (plan.storage, plan.retention) for name, plan in plans.items()} == {
        "basic": (GIB, 365), "premium": (25 * GIB, 365), "shex": (25 * GIB, 21),
    }  # fmt: skip
    account = demo.account_add("anna@demo.test", plan="basic")
    demo.plan_set("basic", storage=2 * GIB, messages=1000, retention=30)
    limits = demo.account_get(account.id).limits
    assert (limits.storage, limits.messages, limits.retention) == (2 * GIB, 1000, 30)
    demo.plan_set("basic", storage=None)
    assert demo.account_get(account.id).limits.storage is None


def test_an_account_may_differ_from_its_plan_within_the_bounds_of_the_plan(demo):
    demo.account_add("anna@demo.test", plan="shex", storage=40 * GIB)
    assert demo.account_get("anna@demo.test").limits.storage == 40 * GIB
    for wrong in (GIB, 61 * GIB):
        with pytest.raises(Refused, match="from 2 GB to 60 GB"):
            demo.account_set("anna@demo.test", storage=wrong)
    demo.account_set("anna@demo.test", storage=UNLIMITED)
    assert demo.account_get("anna@demo.test").limits.storage is None
    demo.account_set("anna@demo.test", storage=None)
    assert demo.account_get("anna@demo.test").limits.storage == 25 * GIB


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("anna@elsewhere.test", "no domain elsewhere.test"),
        ("anna", "not an e-mail address"),
        ("an na@demo.test", "not an e-mail address"),
        ("ANNA@DEMO.TEST", "belongs to an account"),
        ("info@demo.test", "is an alias"),
    ],
)
def test_an_address_that_cannot_be_is_refused_and_says_why(demo, address, said):
    demo.account_add("anna@demo.test")
    demo.alias_add("info@demo.test", ["anna@demo.test"])
    with pytest.raises(Refused, match=said):
        demo.account_add(address)
    assert [account.address for account in demo.account_list()] == ["anna@demo.test"]


@pytest.mark.parametrize("values", [{"plan": "gold"}, {"language": "de"}, {"password": "short"}, {"storage": -5},
                                    {"password": "a\0bcdefgh"}, {"name": "two\nlines"}])  # fmt: skip
def test_wrong_values_are_refused(demo, values):
    with pytest.raises(Refused):
        demo.account_add("anna@demo.test", **values)
    assert demo.account_list() == []


def test_international_addresses_are_one_in_every_spelling(demo):
    demo.domain_add("xn--bcher-kva.test")
    assert [domain.name for domain in demo.domain_list()] == ["bücher.test", "demo.test"]
    demo.account_add("Zoé@BÜCHER.test")
    with pytest.raises(Refused, match="belongs to an account"):
        demo.account_add("ZOE\u0301@xn--bcher-kva.test")


@in_loop
async def test_a_removed_account_keeps_its_address_and_comes_back_as_it_was(demo, directory):
    before = demo.account_add("anna@demo.test", password="correct horse")
    demo.account_set("anna@demo.test", state=AccountState.SUSPENDED)
    removed = demo.account_remove("anna@demo.test")
    assert removed.state is AccountState.CLOSED
    assert removed.kept_until == removed.closed_at + 30 * 86_400
    async with directory() as services:
        with pytest.raises(Refused) as refusal:
            await services.resolve(EmailAddress("anna", "demo.test"))
        assert refusal.value.reason is Reason.NON_EXISTENT
        with pytest.raises(Refused, match="can be restored; it is free in 30 days"):
            demo.account_add("anna@demo.test")
        with pytest.raises(Refused, match="can be restored"):
            demo.alias_add("anna@demo.test", ["x@example.org"])
        restored = demo.account_restore("anna@demo.test")
        assert (restored.id, restored.state) == (before.id, AccountState.SUSPENDED)
        assert (await services.resolve(EmailAddress("anna", "demo.test"))).accounts[0].id == before.id


def test_after_its_time_the_address_is_free_and_the_old_account_still_there(opener, settings: DirectorySettings):
    admin = Admin(opener(), settings.model_copy(update={"keep_removed_days": 0}))
    admin.domain_add("demo.test")
    old = admin.account_add("anna@demo.test")
    admin.account_remove("anna@demo.test")
    assert [account.id for account in admin.account_expired()] == [old.id]
    new = admin.account_add("anna@demo.test")
    assert new.id != old.id
    assert admin.account_get("anna@demo.test").id == new.id
    with pytest.raises(Refused, match="belongs to somebody else"):
        admin.account_restore(old.id)
    admin.account_purge(old.id)
    assert [account.id for account in admin.account_list(closed=True)] == [new.id]
    with pytest.raises(Refused, match="not removed"):
        admin.account_purge(new.id)


@in_loop
async def test_removing_a_domain_closes_its_accounts_and_restoring_opens_those_alone(demo, directory):
    demo.account_add("anna@demo.test")
    demo.account_add("bert@demo.test")
    demo.account_remove("bert@demo.test")
    async with directory() as services:
        assert await services.is_local("demo.test")
        demo.domain_remove("demo.test")
        assert not await services.is_local("demo.test")
        with pytest.raises(Refused) as refusal:
            await services.resolve(EmailAddress("anna", "demo.test"))
        assert refusal.value.reason is Reason.CANNOT
        with pytest.raises(Refused, match="restore"):
            demo.domain_add("demo.test")
        demo.domain_restore("demo.test")
        assert await services.is_local("demo.test")
    states = {account.address: account.state for account in demo.account_list(closed=True)}
    assert states == {"anna@demo.test": AccountState.ACTIVE, "bert@demo.test": AccountState.CLOSED}


def test_lists_are_complete_and_ordered(demo):
    demo.domain_add("alpha.test")
    for address in ("zoe@demo.test", "anna@demo.test", "max@alpha.test"):
        demo.account_add(address)
    demo.alias_add("info@demo.test", ["anna@demo.test", "zoe@demo.test"])
    demo.account_remove("zoe@demo.test")
    assert [account.address for account in demo.account_list()] == ["max@alpha.test", "anna@demo.test"]
    assert [account.address for account in demo.account_list("demo.test", closed=True)] == [
        "anna@demo.test",
        "zoe@demo.test",
    ]
    counted = {domain.name: (domain.accounts, domain.aliases) for domain in demo.domain_list()}
    assert counted == {"alpha.test": (1, 0), "demo.test": (1, 1)}
    assert {plan.id: plan.accounts for plan in demo.plan_list()} == {"basic": 2, "premium": 0, "shex": 0}
