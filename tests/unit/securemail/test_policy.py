from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from optimails.model.address import EmailAddress
from securemail.case import Case, Direction, File, FileKind, MailClass, Sureness
from securemail.facts import Clean, Encrypted, Examination, Fact, Infected, Undeterminable
from securemail.policy.decide import Decision, Scoped, decide
from securemail.policy.document import ActionKind, Policy
from securemail.policy.words import fold, found

ANNA = EmailAddress.parse("anna@example.org")
SENDER = EmailAddress.parse("news@shop.example.net")
MONDAY_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=ZoneInfo("Europe/Paris")).timestamp()


def dial(spam: float, position: int) -> Sureness:
    return Sureness.CERTAIN if spam > 1 - position / 100 else Sureness.PROBABLE if spam > 0.5 else Sureness.HAM


def case(**values: object) -> Case:
    usual: dict[str, object] = {"direction": Direction.INBOUND, "sender": SENDER, "size": 5000, "arrived": MONDAY_NOON}
    return Case(**{**usual, **values})  # type: ignore[arg-type]


def rule(action: str, when: dict[str, object], *, name: str = "one", **more: object) -> dict[str, object]:
    then = {"action": action, **{key: more.pop(key) for key in ("to", "zone", "subject") if key in more}}
    return {"name": name, "when": when, "then": then, **more}


def outcome(of: Case, *scopes: list[dict[str, object]], **settings: object) -> Decision:
    names = ("global", "domain:example.org", "user:anna@example.org")
    scoped = [
        Scoped(name, 1, Policy.model_validate({"rule": rules, **settings}))
        for name, rules in zip(names, scopes, strict=False)
    ]
    return decide(of, scoped, ANNA, dial)


FILES = (
    File("offer.zip/setup.pdf", "application/x-dosexec", FileKind.EXECUTABLE, 9000, disguised=True),
    File("photo.jpg", "image/jpeg", FileKind.IMAGE, 100),
)


@pytest.mark.parametrize(
    ("when", "of"),
    [
        ({"health": ["infected"]}, {"examinations": [Examination("clamd", Infected("Eicar"))]}),
        ({"spam": ["probable"]}, {"spam": 0.7}),
        ({"classes": ["PUB"]}, {"mail_class": MailClass.PUB}),
        ({"symbols": ["OTHER", "FORGED_DATE"]}, {"facts": [Fact("FORGED_DATE", 1.0)]}),
        ({"larger_than": "4.9 kB"}, {}),
        ({"proven": False}, {}),
        ({"senders": ["news@shop.example.net"]}, {}),
        ({"senders": ["@*.example.net"]}, {}),
        ({"senders": ["@SHOP.example.net"]}, {}),
        ({"senders": ["boss@example.com"]}, {"author": "boss@example.com"}),
        ({"recipients": ["@example.org"], "senders": ["@shop.example.net"]}, {}),
        ({"networks": ["192.0.2.0/24"]}, {"client": "192.0.2.7"}),
        ({"times": ["sat-mon 08:00-19:00"]}, {}),
        ({"times": ["sun 22:00-13:00"]}, {}),
        ({"kinds": ["executable"]}, {"files": FILES}),
        ({"types": ["image/*"]}, {"files": FILES}),
        ({"names": ["*.PDF"], "disguised": True}, {"files": FILES}),
        ({"words": ["crédit gratuit"]}, {"text": fold("Un  CREDIT\ngratuit, vite !")}),
        ({"words": ["offre*"]}, {"subject": fold("Nos Offres du mois")}),
    ],
)
def test_a_condition_holds(when: dict[str, object], of: dict[str, object]) -> None:
    decision = outcome(case(**of), [rule("quarantine", when)], zone="Europe/Paris")
    assert (decision.action, decision.zone) == (ActionKind.QUARANTINE, "one")


@pytest.mark.parametrize(
    ("when", "of"),
    [
        ({"health": ["infected"]}, {"examinations": [Examination("clamd", Encrypted())]}),
        ({"health": ["encrypted"]}, {"examinations": [Examination("a", Encrypted()), Examination("b", Infected("x"))]}),
        (
            {"health": ["clean"]},
            {"examinations": [Examination("a", Clean()), Examination("b", Undeterminable("deep"))]},
        ),
        ({"larger_than": 5000}, {}),
        ({"senders": ["@example.net"]}, {}),
        ({"networks": ["192.0.2.0/24"]}, {"client": ""}),
        ({"times": ["tue-fri 08:00-19:00"]}, {}),
        ({"kinds": ["image"], "disguised": True}, {"files": FILES}),
        ({"words": ["credit"]}, {"text": "accredited"}),
        ({"senders": ["news@shop.example.net"], "proven": True}, {}),
    ],
)
def test_a_condition_does_not_hold(when: dict[str, object], of: dict[str, object]) -> None:
    assert outcome(case(**of), [rule("destroy", when)]).action is ActionKind.DELIVER


def test_an_exception_silences_its_rule_alone() -> None:
    rules = [
        rule("reject", {"larger_than": 10}, unless=[{"senders": ["@shop.example.net"], "larger_than": 100}]),
        rule("hold", {"larger_than": 10}, name="two"),
    ]
    assert outcome(case(), rules).action is ActionKind.HOLD
    assert outcome(case(size=50), rules).action is ActionKind.REJECT


def test_lower_scopes_refine_and_every_rule_that_spoke_is_told() -> None:
    decision = outcome(
        case(), [rule("quarantine", {"larger_than": 10})], [rule("reject", {"larger_than": 10})], [rule("deliver", {})]
    )
    assert decision.action is ActionKind.DELIVER
    assert [(one.scope, one.action.value) for one in decision.reasons] == [
        ("global", "quarantine"),
        ("domain:example.org", "reject"),
        ("user:anna@example.org", "deliver"),
    ]


def test_nobody_below_lowers_a_rule_that_is_locked() -> None:
    ill = case(examinations=[Examination("clamd", Infected("Eicar", "a.zip/b"))])
    decision = outcome(ill, [rule("reject", {"health": ["infected"]}, locked=True)], [], [rule("deliver", {})])
    assert decision.action is ActionKind.REJECT
    assert decision.decided_by is not None
    assert decision.decided_by.seen == ("clamd Eicar a.zip/b",)


def test_marks_add_up_until_somebody_says_deliver() -> None:
    marks = [rule("tag", {}, subject="[EXTERNAL]"), rule("tag", {}, name="two", subject="[BIG]")]
    below = [rule("tag", {}, subject="[SHOP]")]
    assert outcome(case(), marks, below).subject == "[EXTERNAL] [BIG] [SHOP]"
    assert outcome(case(), marks, below, [rule("deliver", {})]).subject == ""
    assert outcome(case(), [*marks, rule("quarantine", {}, name="three")]).action is ActionKind.QUARANTINE


def test_the_lowest_dial_that_is_set_counts() -> None:
    certain = [rule("reject", {"spam": ["certain"]})]
    policies = [Scoped("global", 1, Policy.model_validate({"dial": 1, "rule": certain}))]
    assert decide(case(spam=0.97), policies, ANNA, dial).action is ActionKind.DELIVER
    policies.append(Scoped("user:anna@example.org", 1, Policy(dial=5)))
    assert decide(case(spam=0.97), policies, ANNA, dial).action is ActionKind.REJECT


@pytest.mark.parametrize(
    "wrong",
    [
        rule("redirect", {}),
        rule("deliver", {}, to="a@b.test"),
        rule("redirect", {}, to="@b.test"),
        rule("burn", {}),
        rule("reject", {"colour": "red"}),
        rule("reject", {"larger_than": "much"}),
        rule("reject", {"times": ["monday 8-19"]}),
        rule("reject", {"times": ["25:00-26:00"]}),
        rule("reject", {}, unless=[{}]),
        rule("reject", {"senders": ["two words"]}),
        rule("reject", {}, name="Not A Name"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"rule": [wrong]})


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="same name"):
        Policy.model_validate({"rule": [rule("deliver", {}), rule("reject", {})]})


def test_words_that_look_like_patterns_are_words() -> None:
    assert found(["(a+)+$", "c++"], fold("we write c++ and (a+)+$ here")) == ["c++", "(a+)+$"]
