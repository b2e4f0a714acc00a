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


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (lambda admin: admin.plan_add("Gold!", storage=1), "cannot be the id"),
        (lambda admin: admin.plan_add("basic", storage=1), "exists already"),
        (lambda admin: admin.plan_set("shex", storage=GIB), "outside its own bounds"),
        (lambda admin: admin.plan_set("shex", storage_min=61 * GIB), "smallest storage is larger"),
        (lambda admin: admin.plan_set("basic", storage=-1), "must not be negative"),
        (lambda admin: admin.plan_set("gold"), "plans are: basic, premium, shex"),
        (lambda admin: admin.domain_add("not a domain"), "not a domain name"),
        (lambda admin: admin.domain_set("demo.test", postmaster="nobody"), "not an e-mail address"),
        (lambda admin: admin.domain_restore("demo.test"), "is not removed"),
        (lambda admin: admin.domain_remove("gone.test"), "no domain gone.test"),
        (lambda admin: admin.account_set("anna@demo.test", state=AccountState.CLOSED), "by removing it"),
        (lambda admin: admin.account_set("anna@demo.test", messages=-2), "must not be negative"),
        (lambda admin: admin.account_get("nobody@demo.test"), "no account"),
        (lambda admin: admin.account_restore("anna@demo.test"), "is not removed"),
        (lambda admin: admin.account_password("anna@demo.test", ""), "empty"),
        (lambda admin: admin.alias_add("info@demo.test", []), "needs a target"),
        (lambda admin: admin.alias_remove("info@demo.test"), "no alias"),
        (lambda admin: admin.app_password_add("anna@demo.test", "phone", []), "good for something"),
        (lambda admin: admin.app_password_add("anna@demo.test", "x" * 300), "longer than 250"),
        (lambda admin: admin.app_password_remove("anna@demo.test", 7), "no application password 7"),
    ],
)
def test_what_cannot_be_granted_is_refused_in_words_and_changes_nothing(demo, wish, said):
    demo.account_add("anna@demo.test")
    before = (demo.account_list(), demo.domain_list(), demo.plan_list(), demo.alias_list())
    with pytest.raises(Refused, match=said):
        wish(demo)
    assert (demo.account_list(), demo.domain_list(), demo.plan_list(), demo.alias_list()) == before


def test_a_plan_of_ones_own(demo):
    plan = demo.plan_add("gold", storage=None, messages=10, retention=7)
    assert (plan.name, plan.storage, plan.accounts) == ("GOLD", None, 0)
    limits = demo.account_add("anna@demo.test", plan="gold").limits
    assert (limits.storage, limits.messages, limits.retention) == (None, 10, 7)
    assert demo.plan_set("gold", name="Gold for all").name == "Gold for all"


def test_accounts_and_aliases_of_a_removed_domain_wait_for_it(demo):
    account = demo.account_add("anna@demo.test")
    demo.domain_remove("demo.test")
    for wish in (
        lambda: demo.account_add("bert@demo.test"),
        lambda: demo.alias_add("info@demo.test", ["a@example.org"]),
        lambda: demo.account_restore(account.id),
        lambda: demo.domain_set("demo.test", catch_all="a@example.org"),
    ):
        with pytest.raises(Refused, match="is removed; restore it first"):
            wish()


@in_loop
async def test_services_see_where_mail_is_sent_on(demo, directory):
    anna = demo.account_add("anna@demo.test")
    async with directory() as services:
        assert (await services.account(anna.id)).forward == ()
        demo.account_set("anna@demo.test", forward=["Anna@Elsewhere.test", '"a b"@example.org'], forward_copy=False)
        (seen,) = (await services.resolve(EmailAddress("anna", "demo.test"))).accounts
        assert [str(target) for target in seen.forward] == ["Anna@elsewhere.test", '"a b"@example.org']
        assert not seen.forward_copy
        demo.account_set("anna@demo.test", forward=[], forward_copy=True)
        assert (await services.account(anna.id)).forward == ()
    for wrong in (["anna+tag@demo.test"], [f"a{number}@example.org" for number in range(2000)], ["nonsense"]):
        with pytest.raises(Refused):
            demo.account_set("anna@demo.test", forward=wrong)
