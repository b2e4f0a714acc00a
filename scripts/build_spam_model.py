#!/usr/bin/env python3
"""Builds the model that a fresh installation starts with: securemail/antispam/start.model.

    build_spam_model.py [--corpus FOLDER] [--output FILE]

Learns from three quarters of the SpamAssassin public corpus (``spam_corpus.py``) and from the letters in
``spam_lessons.toml``; the last quarter is for ``bench/spam.py``. Takes about three minutes of one core. The same corpus
gives the same file.
"""

import argparse
import html
import tomllib
from collections.abc import Iterator
from pathlib import Path

from spam_corpus import VERSION, corpus

from securemail.antispam.learned import START
from securemail.antispam.tokens import blocks
from securemail.antispam.training import Example, train
from securemail.examined import Examined

ROOT = Path(__file__).parents[1]
HARD = 5.0
"""Newsletters and notices are one in seventeen of the corpus' good mail, and far more of a company's: they count so
often."""
LESSON = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT / "var/spam-corpus", help="where the corpus lies, or goes")
    parser.add_argument("--output", type=Path, default=START)
    options = parser.parse_args()
    examples = [*lessons()]
    examples += [
        Example.of(
            blocks(Examined(sample.raw)), spam=sample.spam, group=sample.group, weight=HARD if sample.hard else 1.0
        )
        for sample in corpus(options.corpus)
        if not sample.test
    ]
    print(f"{len(examples)} messages to learn from, {sum(one.spam for one in examples)} of them spam")
    model = train(examples, f"spamassassin-{VERSION}")
    options.output.write_bytes(model.dump())
    print(f"{options.output}: {options.output.stat().st_size} bytes, {model.calibration}")


def lessons() -> Iterator[Example]:
    """Each letter as plain text and as the HTML that is written today."""
    kinds = tomllib.loads(Path(__file__).with_name("spam_lessons.toml").read_text("utf-8"))
    for kind, letters in kinds.items():
        for number, letter in enumerate(letters):
            subject, _, body = letter.partition(" | ")
            for written in (plain(subject, body), designed(subject, body)):
                features = blocks(Examined(written.encode()))
                yield Example.of(features, spam=kind == "spam", group=number, weight=LESSON)


def plain(subject: str, body: str) -> str:
    lines = body.replace(". ", ".\n\n")
    return f"{head(subject)}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{lines}\n"


def designed(subject: str, body: str) -> str:
    text = html.escape(body, quote=False)
    page = (
        "<html><head><style>p{margin:0}</style></head><body><table width='640' align='center' cellpadding='8'><tr><td>"
        f"<img src='https://static.lesson.invalid/logo.png' alt='' width='120'></td></tr><tr><td><p>{text}</p>"
        "<p><a href='https://www.lesson.invalid/go' style='background:#06c;color:#fff'>&gt;&gt;</a></p></td></tr>"
        "</table>"
        "<img src='https://static.lesson.invalid/t.gif' width='1' height='1'></body></html>"
    )
    return (
        f"{head(subject)}Content-Type: multipart/alternative; boundary=b\n\n"
        f"--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{body}\n"
        f"--b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{page}\n--b--\n"
    )


def head(subject: str) -> str:
    return (
        f"From: Sender <sender@lesson.invalid>\nTo: reader@lesson.invalid\nSubject: {subject}\nMIME-Version: 1.0\n"
        "Date: Mon, 16 Nov 2026 08:00:00 +0000\nMessage-ID: <1@lesson.invalid>\n"
    )


if __name__ == "__main__":
    main()
