"""The text index never changes what a search finds, only how fast."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from optimails.index.texts import TextIndex, trigrams
from optimails.mailbox import indexing
from optimails.mailbox.api import MessageSet, NewMessage, StoreMode
from optimails.model.flags import DELETED
from optimails.model.number_set import STAR, NumberSet
from optimails.model.query import BodyContains, TextContains
from tests.support.disk import disk_mail
from tests.support.memory import account, memory_mail
from tests.support.run import run

ALL = MessageSet(NumberSet(((1, STAR),)), by_uid=True)


def mail(subject, body):
    return NewMessage(f"Subject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n".encode())


async def searched(box, text):
    return await box.search(BodyContains(text)), await box.search(TextContains(text))


@run
async def test_indexed_and_not_indexed_messages_are_found_alike():
    account_mail = await memory_mail().open(account())
    await account_mail.append("INBOX", [mail("Réunion", "Le BUDGET\r\nest voté"), mail("budget", "rien")])
    box = await account_mail.select("INBOX")
    expected = ([1], [1, 2])
    assert await searched(box, "budget") == expected
    assert indexing.index_texts(account_mail.engine) == 2
    assert indexing.index_texts(account_mail.engine) == 0
    assert await searched(box, "budget") == expected
    assert await searched(box, "budget est vote") == ([1], [1])
    assert await searched(box, "vo") == ([1], [1])  # shorter than a trigram
    assert await searched(box, "reunion") == ([], [1])
    assert await searched(box, 'no "quotes" AND OR *') == ([], [])
    await account_mail.append("INBOX", [mail("later", "the budget again")])
    await box.sync(expunges=True)
    assert await searched(box, "budget") == ([1, 3], [1, 2, 3])


@run
async def test_copies_share_a_text_and_expunged_ones_are_forgotten():
    account_mail = await memory_mail().open(account())
    await account_mail.append("INBOX", [mail("one", "needle")])
    box = await account_mail.select("INBOX")
    await box.search(BodyContains("needle"))
    await box.copy(ALL, "Archive")
    engine = account_mail.engine
    indexing.index_texts(engine)
    with engine.texts.open().read() as connection:
        assert connection.execute("SELECT count(*) FROM text").fetchone() == (1,)
    archive = await account_mail.select("Archive")
    assert await archive.search(BodyContains("needle")) == [1]  # from the file: nobody had searched here
    assert indexing.index_texts(engine) == 1
    assert await archive.search(BodyContains("needle")) == [1]
    await box.store(ALL, StoreMode.ADD, frozenset({DELETED}))
    await box.expunge()
    assert indexing.prune_texts(engine) == 0
    assert await archive.search(BodyContains("needle")) == [1]
    await account_mail.delete("Archive")
    assert indexing.prune_texts(engine) == 1


@run
async def test_nobody_who_never_searches_pays_for_an_index(tmp_path):
    service = disk_mail(tmp_path)
    async with await service.open(account()) as account_mail:
        await account_mail.append("INBOX", [mail("one", "text")])
        assert await service.index_texts(account()) == 0
        assert list(tmp_path.rglob("texts.sqlite")) == []
        box = await account_mail.select("INBOX")
        await box.search(BodyContains("text"))
        assert await service.index_texts(account()) == 1
        await box.close()
    await service.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(alphabet="ab \u00e9\U0001f4ec\"'*", max_size=30), min_size=1, max_size=6),
    st.text(alphabet="ab \u00e9\U0001f4ec\"'*", min_size=1, max_size=6),
)
def test_candidates_always_contain_every_text_with_the_needle(texts, needle):
    index = TextIndex(None)
    index.add(1, [(uid, str(uid), text) for uid, text in enumerate(texts, 1)], len(texts))
    wanted = {uid for uid, text in enumerate(texts, 1) if needle in text}
    assert wanted <= {uid for uid, _ in index.candidates(1, needle)}


def test_trigrams_cover_the_needle():
    assert trigrams("ab") == []
    assert trigrams("abcd") == ["abc", "bcd"]
    assert trigrams("abcdef") == ["abc", "def"]
    assert len(trigrams(string.printable * 5)) <= 16


@run
async def test_a_damaged_text_index_is_made_anew(tmp_path):
    service = disk_mail(tmp_path)
    for harm in ("before", "meanwhile"):
        async with await service.open(account()) as account_mail:
            if harm == "before":
                await account_mail.append("INBOX", [mail("one", "the budget")])
            box = await account_mail.select("INBOX")
            assert await searched(box, "budget") == ([1], [1])
            indexing.index_texts(account_mail.engine)
            path = next(tmp_path.rglob("texts.sqlite"))
            if harm == "before":
                account_mail.engine.texts.close()
            for file in path.parent.glob("texts.sqlite*"):
                file.write_bytes(b"rubbish!" * 9000)
            assert await searched(box, "budget") == ([1], [1])
            indexing.index_texts(account_mail.engine)
            assert await searched(box, "budget") == ([1], [1])
            assert account_mail.engine.texts.progress(box.id) == 1
    await service.close()
