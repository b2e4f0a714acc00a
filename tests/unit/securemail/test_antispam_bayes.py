"""What a domain's people teach: learnt at once, and taken back as if it had never been said."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from securemail.antispam import bayes
from securemail.antispam.bayes import Bayes
from securemail.antispam.memory import Memory, memory_path
from securemail.antispam.tokens import blocks
from securemail.context import Context
from securemail.examined import Examined


def letter(text: str, number: int) -> bytes:
    return f"From: x@example.org\nSubject: note\n\n{text} {chr(97 + number % 26)}{number}\n".encode()


def learn(memory: Memory, text: str, *, spam: bool, count: int) -> list[int]:
    every = (Examined(letter(text, number)) for number in range(count))
    return [memory.report(one, spam=spam, at=1.0, who="anna").id for one in every]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return memory_path(tmp_path, "demo.test")


def symbols(path: Path, text: str) -> list[str]:
    return [fact.symbol for fact in Bayes().examine(Examined(letter(text, 99)), Context(memory=str(path)))]


def test_it_is_silent_until_enough_was_learnt(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bayes, "ENOUGH", 6)
    assert symbols(path, "offer of pipes") == []
    memory = Memory(path)
    learn(memory, "offer of pipes from the catalogue", spam=True, count=6)
    learn(memory, "minutes of the works council", spam=False, count=5)
    assert symbols(path, "offer of pipes") == []
    learn(memory, "minutes of the works council", spam=False, count=6)
    assert symbols(path, "offer of pipes") == ["BAYES_SPAM"]
    assert symbols(path, "minutes of the council") == ["BAYES_HAM"]
    assert symbols(path, "zebra xylophone") == []


def test_without_a_domain_it_says_nothing() -> None:
    assert Bayes().examine(Examined(letter("x", 1)), Context()) == []


def test_taking_back_leaves_nothing(path: Path) -> None:
    memory = Memory(path)
    kept = learn(memory, "minutes of the council", spam=False, count=3)
    with closing(sqlite3.connect(path)) as rows:
        before = rows.execute("SELECT * FROM feature ORDER BY id").fetchall()
    for number in learn(memory, "offer of pipes", spam=True, count=5):
        assert memory.take_back(number)
    with closing(sqlite3.connect(path)) as rows:
        assert rows.execute("SELECT * FROM feature ORDER BY id").fetchall() == before
    assert [one.id for one in memory.reports()] == kept[::-1]
    assert not memory.take_back(kept[0] + 100)


def test_who_changes_his_mind_counts_once(path: Path) -> None:
    memory = Memory(path)
    learn(memory, "offer of pipes", spam=True, count=1)
    learn(memory, "offer of pipes", spam=False, count=1)
    learn(memory, "offer of pipes", spam=False, count=1)
    assert memory.messages() == (0, 1)
    assert set(memory.features(blocks(Examined(letter("offer of pipes", 0)))[0]).values()) == {(0, 1)}


def test_a_memory_cannot_be_read_as_mail(path: Path) -> None:
    memory = Memory(path)
    memory.report(Examined(letter("confidential salary", 1)), spam=False, at=1.0, who="anna")
    assert b"salary" not in path.read_bytes()
