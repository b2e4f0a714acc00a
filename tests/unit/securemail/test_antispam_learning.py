"""The model: features, learning, calibration, and its file."""

import random

import pytest

from securemail.antispam import calibration, training
from securemail.antispam.learned import Learned, start_model
from securemail.antispam.model import BadModel, Model, packed, parse
from securemail.antispam.tokens import BITS, blocks
from securemail.antispam.training import Example, train
from securemail.antispam.verdict import spam_probability
from securemail.context import Context
from securemail.examined import Examined

GOOD = ("meeting on monday about the budget", "the minutes are attached", "lunch at noon?", "the printer is repaired")
BAD = ("cheap pills without prescription", "you have won a million", "claim your prize now", "hot singles near you")


def letter(text: str, number: int = 0) -> Examined:
    return Examined(f"From: x{number}@example.org\nSubject: hello\n\n{text} {number}\n".encode())


@pytest.fixture(scope="module")
def model() -> Model:
    """Of eighty letters in few rounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "ROUNDS", 9)
        examples = [
            Example.of(blocks(letter(text, number)), spam=spam, group=number)
            for number in range(10)
            for texts, spam in ((GOOD, False), (BAD, True))
            for text in texts
        ]
        return train(examples, "eighty letters")


def test_it_tells_apart_what_it_has_learnt(model: Model) -> None:
    assert all(model.odds(blocks(letter(text, 77))) < 0 for text in GOOD)
    assert all(model.odds(blocks(letter(text, 77))) > 0 for text in BAD)


def test_a_fact_says_how_sure_it_is(model: Model) -> None:
    (fact,) = Learned(model, shadow=False).examine(letter(BAD[0], 77), Context())
    assert (fact.symbol, fact.analyser, fact.version) == ("LEARNED_SPAM", "learned", "eighty letters")
    assert fact.weight > 0
    assert fact.evidence[0].endswith(" %")


def test_its_file(model: Model) -> None:
    again = parse(model.dump())
    assert again == model
    for text in GOOD + BAD:
        assert again.score(blocks(letter(text))) == model.score(blocks(letter(text)))


@pytest.mark.parametrize("damage", [lambda raw: raw[:-40], lambda raw: b"", lambda raw: b"{}\n", lambda raw: raw[80:]])
def test_a_damaged_file_is_no_model(model: Model, damage) -> None:
    with pytest.raises(BadModel):
        parse(damage(model.dump()))


def test_a_model_of_other_features_is_refused(model: Model) -> None:
    with pytest.raises(BadModel, match="another version"):
        parse(model.dump().replace(b'"bits": 20', b'"bits": 17'))


def test_features_do_not_depend_on_who_received_it() -> None:
    """What is added on arrival, and whom it is for, says nothing of what it is."""
    text = b"From: a@example.org\nSubject: x\nTo: %b\n\nhello you\n"
    added = (
        b"Return-Path: <a@example.org>\nDelivered-To: p@demo.test\nX-Spam-Status: Yes\nX-Optimails-Filter: x\n"
        b"Authentication-Results: mx.demo.test; spf=fail\n"
    )
    assert blocks(Examined(text % b"p@demo.test")) == blocks(Examined(added + text % b"q@other.test"))


def test_features_are_numbers_of_the_table() -> None:
    for block in blocks(letter("Ça coûte 100 € !! <a href='http://x.test'>x</a>")):
        assert all(0 <= feature < 1 << BITS for feature in block)


def test_calibration_finds_the_odds() -> None:
    """Of messages drawn with known odds, it gives these odds back."""
    dice = random.Random(3)
    scores = [dice.uniform(-4, 4) for _ in range(20_000)]
    spam = [dice.random() < calibration.probability(1.5 * score - 1) for score in scores]
    found = calibration.fit(scores, spam)
    assert found.slope == pytest.approx(1.5, abs=0.1)
    assert found.offset == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("spam", [[False, False], [True, True], []])
def test_calibration_of_one_kind_is_none(spam: list[bool]) -> None:
    assert calibration.fit([1.0] * len(spam), spam) == calibration.Calibration()


def test_calibration_of_what_is_perfectly_apart_stays_finite() -> None:
    found = calibration.fit([-1.0] * 20 + [1.0] * 20, [False] * 20 + [True] * 20)
    assert 0.9 < calibration.probability(found.odds(1.0)) < 0.999


@pytest.mark.parametrize("odds", [-1e9, -800.0, 0.0, 800.0, 1e9])
def test_probability_of_anything(odds: float) -> None:
    assert 0 <= calibration.probability(odds) <= 1


def test_large_weights_are_cut_and_not_wrapped() -> None:
    weights = [0.0] * (1 << BITS)
    weights[:5000] = [0.5] * 5000
    weights[0] = 100.0
    made = packed(weights, calibration.Calibration(), "x")
    assert made.weights[0] == made.weights[1] == 127


def test_a_model_in_shadow_is_heard_and_does_not_count(model: Model) -> None:
    (fact,) = Learned(model, shadow=True).examine(letter(BAD[0], 77), Context())
    assert (fact.symbol, fact.weight) == ("LEARNED_SPAM", 0.0)
    assert spam_probability([fact]) == spam_probability([])


def test_the_model_that_is_shipped() -> None:
    shipped = start_model()
    assert shipped.name.startswith("spamassassin-")
    assert shipped.calibration.slope > 0
