"""Kinds of mail, and what all facts together say."""

import pytest

from optimails.authentication import Result
from securemail.antispam.bulk import Bulk
from securemail.antispam.classes import mail_class
from securemail.antispam.verdict import spam_probability
from securemail.case import MailClass
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact
from tests.unit.securemail.test_antispam_rules import checked, message

PROVEN = checked(Result.PASS)
NOTHING = Context()
LEAVE = {"List_Unsubscribe": "<https://example.org/u>"}


def kind(examined: Examined, context: Context = NOTHING) -> MailClass | None:
    return mail_class(examined, context, Bulk().examine(examined, context))


@pytest.mark.parametrize(
    ("examined", "found"),
    [
        (message(), MailClass.PERSO),
        (message("Soldes : 20 % de remise, livraison offerte", **LEAVE), MailClass.PUB),
        (message("Up to 40 % off, free shipping, shop now", **LEAVE), MailClass.PUB),
        (message("This week: what changes in labour law", **LEAVE), MailClass.NEWS),
        (message(From="LinkedIn <x@e.linkedin.com>"), MailClass.SOCIAL),
        (message(Auto_Submitted="auto-generated"), None),
        (message(List_Post="<mailto:l@x.test>"), None),
        (message(From="no-reply@example.org"), None),
        (message(To=", ".join(f"p{number}@x.test" for number in range(30))), None),
    ],
)
def test_kinds(examined: Examined, found: MailClass | None) -> None:
    assert kind(examined) == found


def test_vip_is_who_is_named_and_proven() -> None:
    named = frozenset({"ann@example.org"})
    assert kind(message(**LEAVE), Context(vips=named, authentication=PROVEN)) is MailClass.VIP
    assert kind(message(), Context(vips=named)) is MailClass.PERSO
    assert kind(message(From="bob@example.org"), Context(vips=named, authentication=PROVEN)) is MailClass.PERSO


def test_a_forged_network_is_no_network() -> None:
    forged = Context(authentication=checked(Result.FAIL))
    assert kind(message(From="LinkedIn <x@linkedin.com>"), forged) is not MailClass.SOCIAL


def test_facts_add_up() -> None:
    assert spam_probability([]) < 0.1
    one, two = Fact("A", 1.0), Fact("B", 1.0)
    assert spam_probability([]) < spam_probability([one]) < spam_probability([one, two])
    assert spam_probability([Fact("LEARNED_HAM", -5.0), one]) < 0.05


def test_many_suspicions_do_not_outweigh_a_model_that_is_sure() -> None:
    many = [Fact(f"S{number}", 1.0) for number in range(50)]
    assert spam_probability([*many, Fact("LEARNED_HAM", -9.0)]) < 0.1
    assert spam_probability(many) > 0.9
