"""Where mail for an address goes."""

import pytest

from optimails.directory.admin import Admin
from optimails.model.account import AccountState
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused
from tests.support.in_loop import in_loop


@pytest.fixture
def demo(admin: Admin) -> Admin:
    admin.domain_add("demo.test")
    for name in ("anna", "bert", "chris"):
        admin.account_add(f"{name}@demo.test")
    return admin


async def where(services, address: str) -> set[str]:
    """The addresses that mail for this one arrives at, or why it does not."""
    try:
        found = await services.resolve(EmailAddress.parse(address))
    except Refused as refusal:
        return {refusal.reason.value}
    return {str(account.address) for account in found.accounts} | {str(remote) for remote in found.remote}


@in_loop
async def test_addresses_tags_and_strangers(demo, directory):
    demo.account_add("anna+exact@demo.test")
    async with directory() as services:
        assert await where(services, "Anna@Demo.Test") == {"anna@demo.test"}
        assert await where(services, "anna+news@demo.test") == {"anna@demo.test"}
        assert await where(services, "anna+exact@demo.test") == {"anna+exact@demo.test"}
        assert await where(services, '"anna"@demo.test') == {"anna@demo.test"}
        assert await where(services, "nobody@demo.test") == {Reason.NON_EXISTENT}
        assert await where(services, "nobody+tag@demo.test") == {Reason.NON_EXISTENT}
        assert await where(services, "anna@elsewhere.test") == {Reason.CANNOT}
        assert await where(services, "anna@[127.0.0.1]") == {Reason.CANNOT}


@in_loop
async def test_aliases_of_aliases_with_loops_arrive_once(demo, directory):
    demo.alias_add("team@demo.test", ["anna@demo.test", "bert@demo.test", "all@demo.test", "out@example.org"])
    demo.alias_add("all@demo.test", ["team@demo.test", "chris@demo.test", "anna+list@demo.test"])
    demo.alias_add("a@demo.test", ["b@demo.test"])
    demo.alias_add("b@demo.test", ["a@demo.test"])
    demo.alias_add("dead@demo.test", ["gone@demo.test"])
    everybody = {"anna@demo.test", "bert@demo.test", "chris@demo.test", "out@example.org"}
    async with directory() as services:
        assert await where(services, "team@demo.test") == everybody
        assert await where(services, "all+tag@demo.test") == everybody
        assert await where(services, "a@demo.test") == {Reason.NON_EXISTENT}
        assert await where(services, "dead@demo.test") == {Reason.NON_EXISTENT}
        assert len((await services.resolve(EmailAddress("all", "demo.test"))).accounts) == 3


@in_loop
async def test_depth_and_width_are_bounded(demo, directory):
    for step in range(8):
        demo.alias_add(f"step{step}@demo.test", [f"step{step + 1}@demo.test"])
    demo.alias_add("step8@demo.test", ["anna@demo.test"])
    demo.alias_add("wide@demo.test", [f"user{number}@example.org" for number in range(60)])
    async with directory(alias_depth=9, alias_targets=50) as services:
        assert await where(services, "step0@demo.test") == {"anna@demo.test"}
        assert await where(services, "wide@demo.test") == {Reason.LIMIT}  # never to some of them only
    async with directory(alias_depth=5) as services:
        assert await where(services, "step0@demo.test") == {Reason.LIMIT}


@in_loop
async def test_an_alias_of_thousands(demo, directory):
    targets = [f"user{number}@example.org" for number in range(3000)]
    demo.alias_add("all@demo.test", targets)
    async with directory() as services:
        found = await services.resolve(EmailAddress("all", "demo.test"))
        assert [str(remote) for remote in found.remote] == targets


@in_loop
async def test_postmaster_and_abuse_always_arrive_somewhere(demo, directory):
    async with directory() as services:
        assert await where(services, "Postmaster@demo.test") == {"anna@demo.test"}
        demo.domain_set("demo.test", postmaster="chris@demo.test")
        assert await where(services, "abuse@demo.test") == {"chris@demo.test"}
        demo.alias_add("abuse@demo.test", ["bert@demo.test"])
        assert await where(services, "abuse@demo.test") == {"bert@demo.test"}


@in_loop
async def test_a_catch_all_takes_what_nobody_else_does(demo, directory):
    demo.domain_set("demo.test", catch_all="bert@demo.test")
    demo.alias_add("dead@demo.test", ["gone@demo.test"])
    demo.account_remove("chris@demo.test")
    async with directory() as services:
        assert await where(services, "whoever@demo.test") == {"bert@demo.test"}
        assert await where(services, "anna@demo.test") == {"anna@demo.test"}
        assert await where(services, "chris@demo.test") == {Reason.NON_EXISTENT}
        assert await where(services, "dead@demo.test") == {Reason.NON_EXISTENT}
        demo.domain_set("demo.test", catch_all=None)
        assert await where(services, "whoever@demo.test") == {Reason.NON_EXISTENT}


@in_loop
async def test_every_change_of_another_process_shows_at_the_next_question(demo, directory):
    async with directory() as services:
        assert await where(services, "info@demo.test") == {Reason.NON_EXISTENT}
        demo.alias_add("info@demo.test", ["anna@demo.test"])
        assert await where(services, "info@demo.test") == {"anna@demo.test"}
        demo.alias_add("info@demo.test", ["bert@demo.test"])
        assert await where(services, "info@demo.test") == {"anna@demo.test", "bert@demo.test"}
        demo.alias_remove("info@demo.test", ["anna@demo.test"])
        assert await where(services, "info@demo.test") == {"bert@demo.test"}
        demo.account_set("bert@demo.test", state=AccountState.SUSPENDED)
        suspended = (await services.resolve(EmailAddress("info", "demo.test"))).accounts[0]
        assert suspended.state is AccountState.SUSPENDED  # and still receives
        demo.account_set("bert@demo.test", plan="premium", name="Bert B.", language="fr")
        bert = await services.account(suspended.id)
        assert (bert.plan, bert.name, bert.language, bert.limits.storage) == ("premium", "Bert B.", "fr", 25 * 2**30)
        assert demo.alias_remove("info@demo.test") is None
        assert await where(services, "info@demo.test") == {Reason.NON_EXISTENT}


@in_loop
async def test_who_may_send_as_whom(demo, directory):
    demo.domain_set("demo.test", catch_all="anna@demo.test")
    demo.alias_add("info@demo.test", ["team@demo.test"])
    demo.alias_add("team@demo.test", ["anna@demo.test", "bert@demo.test"])
    async with directory() as services:
        anna = (await services.resolve(EmailAddress("anna", "demo.test"))).accounts[0]
        allowed = {
            sender: await services.may_send_as(anna, EmailAddress.parse(sender))
            for sender in ("Anna@demo.test", "anna+shop@demo.test", "info@demo.test", "team@demo.test",
                           "bert@demo.test", "whoever@demo.test", "postmaster@demo.test", "anna@example.org")
        }  # fmt: skip
        assert [sender for sender, may in allowed.items() if may] == [
            "Anna@demo.test", "anna+shop@demo.test", "info@demo.test", "team@demo.test",
        ]  # fmt: skip


def test_aliases_are_listed_by_domain_and_target(demo):
    demo.alias_add("info@demo.test", ["bert@demo.test", "anna@demo.test"])
    demo.alias_add("team@demo.test", ["anna@demo.test"])
    assert [(alias.alias, alias.targets) for alias in demo.alias_list("demo.test")] == [
        ("info@demo.test", ("bert@demo.test", "anna@demo.test")), ("team@demo.test", ("anna@demo.test",)),
    ]  # fmt: skip
    assert [alias.alias for alias in demo.alias_list(target="bert@demo.test")] == ["info@demo.test"]
    with pytest.raises(Refused, match="does not lead to"):
        demo.alias_remove("team@demo.test", ["bert@demo.test"])
    with pytest.raises(Refused, match="lead to itself"):
        demo.alias_add("me@demo.test", ["Me@demo.test"])
