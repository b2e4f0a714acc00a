"""Rights in the directory: kept, found in one query, and gone at the next question in every process."""

import pytest

from optimails.acl.decision import Through
from optimails.model.account import AccountState, Service
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused
from optimails.model.rights import (
    NOTHING,
    Answer,
    Bundle,
    Entry,
    Identifier,
    Kind,
    Object,
    SendRight,
    Who,
    letters,
    parse_rights,
)
from tests.support.in_loop import in_loop

BOX, CALENDAR = Object(Kind.MAILBOX, "a" * 32), Object(Kind.CALENDAR, "work")


@pytest.fixture
def demo(admin):
    admin.domain_add("demo.test")
    for name in ("anna", "bert"):
        admin.account_add(f"{name}@demo.test")
    return admin


@pytest.fixture
def people(demo):
    """Anna shares with Bert; both have a plan that allows it."""
    for one in ("anna", "bert"):
        demo.account_set(f"{one}@demo.test", plan="premium")
    return {one: demo.account_get(f"{one}@demo.test").id for one in ("anna", "bert")}


async def may(services, people, on=BOX):
    return letters((await services.rights.effective(people["bert"], people["anna"], on)).rights)


async def give(services, people, text, rights, on=BOX):
    anna = await services.account(people["anna"])
    identifier = await services.rights.identify(text, anna)
    await services.rights.put_entry(anna.id, on, Entry(identifier, parse_rights(rights)))


@in_loop
async def test_a_right_counts_at_the_next_question_of_another_process_and_so_does_its_end(demo, people, directory):
    async with directory() as services, directory() as other:
        assert await may(other, people) == ""
        assert await other.rights.offers(people["bert"], Kind.MAILBOX) == []
        await give(services, people, "bert@demo.test", "lr")
        assert await may(other, people) == "lr"
        (offer,) = await other.rights.offers(people["bert"], Kind.MAILBOX)
        assert (offer.owner, offer.object, offer.answer) == (people["anna"], BOX, None)
        await services.rights.answer(people["bert"], people["anna"], BOX, Answer.ACCEPTED)
        assert [offer.answer for offer in await other.rights.offers(people["bert"], Kind.MAILBOX)] == [Answer.ACCEPTED]
        await give(services, people, "bert", "")
        assert await may(other, people) == ""
        assert await other.rights.offers(people["bert"], Kind.MAILBOX) == []


@in_loop
async def test_groups_domains_and_everybody(demo, people, directory):
    demo.domain_add("else.test")
    demo.account_add("zoe@else.test", plan="premium")
    zoe = {"anna": people["anna"], "bert": demo.account_get("zoe@else.test").id}
    demo.alias_add("team@demo.test", ["bert@demo.test", "anna@demo.test"])
    demo.alias_add("all@demo.test", ["team@demo.test", "zoe@else.test"])
    async with directory() as services:
        await give(services, people, "all@demo.test", "l")
        assert (await may(services, people), await may(services, zoe)) == ("l", "l")
        await give(services, people, "group:team@demo.test", "r")
        assert (await may(services, people), await may(services, zoe)) == ("lr", "l")
        await give(services, people, "anyone", "s")
        assert (await may(services, people), await may(services, zoe)) == ("lrs", "l")
        await give(services, people, "domain:else.test", "w")
        assert (await may(services, people), await may(services, zoe)) == ("lrs", "lw")
        demo.alias_remove("team@demo.test", ["bert@demo.test"])
        assert await may(services, people) == "s"
        names = [entry.identifier for entry in (await services.rights.sharing(people["anna"])).entries[BOX]]
        assert sorted((await services.rights.shown(names)).values()) == [
            "anyone", "domain:else.test", "group:all@demo.test", "group:team@demo.test",
        ]  # fmt: skip


@in_loop
async def test_members_of_lists_are_groups(demo, people, directory):
    for name, everyone in (("team", False), ("inner", False), ("all", True)):
        demo.list_add(f"{name}@demo.test", everyone=everyone)
    demo.member_add("team@demo.test", ["inner@demo.test"])
    demo.member_add("inner@demo.test", ["bert@demo.test"])
    async with directory() as services:
        await give(services, people, "team@demo.test", "l")
        assert await may(services, people) == "l"
        await give(services, people, "all@demo.test", "r")
        assert await may(services, people) == "lr"
        demo.member_remove("inner@demo.test", ["bert@demo.test"])
        assert await may(services, people) == "r"
        demo.list_set("all@demo.test", everyone=False)
        assert await may(services, people) == ""


@in_loop
async def test_whom_a_text_means(demo, people, directory):
    demo.alias_add("info@demo.test", ["bert@demo.test"])
    demo.alias_add("both@demo.test", ["info@demo.test", "anna@demo.test"])
    demo.alias_add("far@demo.test", ["somebody@else.test"])
    async with directory() as services:
        anna = await services.account(people["anna"])
        bert = Identifier(Who.USER, people["bert"])
        for text, meant in {
            "bert@demo.test": bert,
            "Bert": bert,
            "bert+tag@demo.test": bert,
            "info@demo.test": bert,  # leads to one alone
            "both@demo.test": Identifier(Who.GROUP, "both@demo.test"),
            "$info": Identifier(Who.GROUP, "info@demo.test"),
            "anyone": Identifier(Who.ANYONE, "demo.test"),
            "@demo.test": Identifier(Who.DOMAIN, "demo.test"),
            "owner": Identifier(Who.OWNER),
        }.items():
            assert await services.rights.identify(text, anna) == meant, text
        for text in ("nobody@demo.test", "far@demo.test", "x@else.test", "@else.test", "domain:", "$nobody", "a b", ""):
            with pytest.raises(Refused) as refused:
                await services.rights.identify(text, anna)
            assert refused.value.reason is Reason.NON_EXISTENT, text


@in_loop
async def test_setacl_adds_and_removes_and_children_begin_with_the_same(demo, people, directory):
    async with directory() as services:
        rights, anna = services.rights, people["anna"]
        bert = Identifier(Who.USER, people["bert"])
        add, nothing = parse_rights("lrs"), NOTHING
        await rights.change_entry(anna, BOX, bert, negative=False, add=add, remove=nothing)
        await rights.change_entry(anna, BOX, bert, negative=False, add=parse_rights("w"), remove=parse_rights("s"))
        assert await may(services, people) == "lrw"
        await rights.put_entry(anna, BOX, Entry(bert, parse_rights("w"), negative=True))
        assert await may(services, people) == "lr"
        child = Object(Kind.MAILBOX, "b" * 32)
        await rights.copy_entries(anna, BOX, child)
        assert await may(services, people, child) == "lr"
        await rights.forget_object(anna, BOX)
        assert (await may(services, people), await may(services, people, child)) == ("", "lr")
        assert len((await rights.sharing(anna)).entries) == 1


@in_loop
async def test_plans_decide_with_the_entries(demo, people, directory):
    async with directory() as services:
        await give(services, people, "bert", "lr9", CALENDAR)
        assert await may(services, people, CALENDAR) == "lr9"
        assert await services.rights.offers(people["bert"], Kind.MAILBOX) == []
        assert len(await services.rights.offers(people["bert"], Kind.MAILBOX, Kind.CALENDAR)) == 1
        demo.account_set("bert@demo.test", plan="basic")
        assert await may(services, people, CALENDAR) == ""
        demo.plan_set("basic", features=["sharing"])
        assert await may(services, people, CALENDAR) == "lr"
        demo.account_set("bert@demo.test", plan="shex")
        assert await may(services, people, CALENDAR) == ""
        demo.plan_set("shex", family="optimails")
        assert await may(services, people, CALENDAR) == "lr9"
        with pytest.raises(Refused, match="There is no feature 'magic'; features are: shared-folders,"):
            demo.plan_set("shex", features=["magic"])


@in_loop
async def test_delegations(demo, people, directory):
    async with directory() as services:
        demo.delegate_add("anna@demo.test", "bert@demo.test", Bundle.ASSISTANT, send=SendRight.ON_BEHALF)
        effective = await services.rights.effective(people["bert"], people["anna"], BOX)
        assert (letters(effective.rights), effective.through) == ("lrswipkxte9", Through.DELEGATION)
        assert await services.rights.send_right(people["bert"], people["anna"]) is SendRight.ON_BEHALF
        assert await services.rights.send_right(people["anna"], people["bert"]) is SendRight.NO
        demo.alias_add("chief@demo.test", ["anna@demo.test"])
        demo.alias_add("both@demo.test", ["anna@demo.test", "zoe@else.test"])
        bert = await services.account(people["bert"])
        for address, right in {
            "anna": SendRight.ON_BEHALF, "chief": SendRight.ON_BEHALF, "anna+x": SendRight.ON_BEHALF,
            "both": SendRight.NO, "bert": SendRight.OWN, "nobody": SendRight.NO,
        }.items():  # fmt: skip
            assert (await services.send_right(bert, EmailAddress(address, "demo.test")))[0] is right
            assert await services.may_send_as(bert, EmailAddress(address, "demo.test")) == (right is not SendRight.NO)
        demo.account_set("anna@demo.test", state=AccountState.SUSPENDED)
        assert (await services.send_right(bert, EmailAddress("anna", "demo.test")))[0] is SendRight.NO
        assert not await services.may_send_as(bert, EmailAddress("chief", "demo.test"))
        demo.account_set("anna@demo.test", state=AccountState.ACTIVE)
        assert [
            (offer.owner, offer.object) for offer in await services.rights.offers(people["bert"], Kind.MAILBOX)
        ] == [(people["anna"], None)]
        demo.delegate_add("anna@demo.test", "bert@demo.test", Bundle.READER, send=SendRight.NO, ends=1)
        assert await may(services, people) == ""
        assert [row[:2] for row in demo.delegate_list("demo.test")] == [("anna@demo.test", "bert@demo.test")]
        assert demo.delegate_list("bert@demo.test") == demo.delegate_list() != []
        assert demo.delegate_remove("anna@demo.test", "bert@demo.test") == people["anna"]
        assert demo.delegate_list() == []
        for owner, delegate, more in (
            ("anna@demo.test", "anna@demo.test", {}),
            ("anna@demo.test", "nobody@demo.test", {}),
            ("anna@demo.test", "bert@demo.test", {"starts": 5, "ends": 5}),
        ):
            with pytest.raises(Refused):
                demo.delegate_add(owner, delegate, Bundle.READER, send=SendRight.NO, **more)
        with pytest.raises(Refused, match="is no delegate of"):
            demo.delegate_remove("anna@demo.test", "bert@demo.test")


@in_loop
async def test_the_shared_folders_of_a_domain_are_nobodys(demo, people, directory):
    with pytest.raises(Refused, match="has no shared folders"):
        demo.folders_account("demo.test")
    folders = demo.folders_account("demo.test", create=True)
    assert demo.folders_account("demo.test", create=True) == demo.folders_account("demo.test") == folders
    async with directory() as services:
        account = await services.account(folders)
        assert account.domain_folders
        with pytest.raises(Refused) as refused:
            await services.resolve(account.address)
        assert refused.value.reason is Reason.NON_EXISTENT  # nobody writes to it
        with pytest.raises(Refused):
            await services.authenticate(str(account.address), "", Service.IMAP)
        demo.account_set("bert@demo.test", plan="basic")
        who = await services.rights.identify("anyone", account)
        await services.rights.put_entry(folders, BOX, Entry(who, parse_rights("lr")))
        assert await may(services, {"anna": folders, "bert": people["bert"]}) == "lr"
        assert next(info for info in demo.domain_list() if info.name == "demo.test").accounts == 2
        demo.domain_remove("demo.test")
        assert (await services.account(folders)).state is AccountState.CLOSED
        demo.domain_restore("demo.test")
        assert await may(services, {"anna": folders, "bert": people["bert"]}) == "lr"


@in_loop
async def test_who_is_gone_for_good_is_in_no_list(demo, people, directory):
    async with directory() as services:
        await give(services, people, "bert", "lr")
        demo.account_remove("bert@demo.test")
        assert await may(services, people) == ""
        assert len((await services.rights.sharing(people["anna"])).entries) == 1  # he may come back
        demo.account_restore("bert@demo.test")
        assert await may(services, people) == "lr"
        demo.account_remove("bert@demo.test")
        demo.account_purge(people["bert"])
        assert (await services.rights.sharing(people["anna"])).entries == {}


@in_loop
async def test_the_postmaster_is_no_shared_folder(demo, directory):
    demo.domain_add("new.test")
    demo.folders_account("new.test", create=True)
    async with directory() as services:
        with pytest.raises(Refused):
            await services.resolve(EmailAddress("postmaster", "new.test"))
