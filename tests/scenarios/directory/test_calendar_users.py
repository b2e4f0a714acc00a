"""Where the people of a meeting are, and by which addresses an account is invited."""

import pytest

from optimails.groupware.scheduling.users import ELSEWHERE, NOBODY, find_users
from tests.support.in_loop import in_loop


@pytest.fixture
def demo(admin):
    admin.domain_add("demo.test")
    for name in ("Anna", "bob", "gone"):
        admin.account_add(f"{name}@demo.test")
    admin.account_remove("gone@demo.test")
    admin.alias_add("chief@demo.test", ["anna@demo.test"])
    admin.alias_add("boss@demo.test", ["ANNA@demo.test"])
    admin.alias_add("both@demo.test", ["anna@demo.test", "bob@demo.test"])
    admin.alias_add("away@demo.test", ["anna@example.com"])
    admin.list_add("team@demo.test")
    return admin


@in_loop
async def test_whose_calendar_is_here(demo, directory):
    del demo
    here = ("anna@demo.test", "chief@demo.test", "anna+x@demo.test")
    elsewhere = ("both@demo.test", "away@demo.test", "team@demo.test", "eve@example.com")
    nobody = ("nobody@demo.test", "gone@demo.test", "urn:uuid:1", "", "a@b@c")
    async with directory() as services:
        found = await find_users(services, [*here, *elsewhere, *nobody])
        assert {str(found[one].account.address) for one in here} == {"Anna@demo.test"}
        assert {found[one].status for one in here} == {"1.2"}
        assert [found[one] for one in elsewhere] == [ELSEWHERE] * 4
        assert [found[one] for one in nobody] == [NOBODY] * 5


@in_loop
async def test_an_account_has_the_aliases_that_lead_to_it_alone(demo, directory):
    del demo
    async with directory() as services:
        anna = (await find_users(services, ["anna@demo.test"]))["anna@demo.test"].account
        found = [str(one) for one in await services.addresses(anna)]
        assert found == ["Anna@demo.test", "boss@demo.test", "chief@demo.test"]
