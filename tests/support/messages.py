"""Messages as people send them, as bytes with CRLF, each told apart by its subject and Message-ID."""

import random
from email.message import EmailMessage
from email.policy import SMTP

_WORDS = (
    *("réunion", "budget", "Ünïcode", "invoice", "déjà", "vu", "naïve", "planning"),
    *("œuvre", "contract", "€42", "signature", "日本語"),
)


def plain(number: int, *, to: str = "anna@example.org", seed: int = 0, sender: str = "beatrice@example.org") -> bytes:
    """A text message in UTF-8 with an accented subject; the same arguments give the same bytes."""
    dice = random.Random(f"{seed}/{number}")
    message = EmailMessage(policy=SMTP)
    message["From"] = f'"Béatrice Lefèvre" <{sender}>'
    message["To"] = to
    message["Subject"] = f"Message {number:04d} {dice.choice(_WORDS)}"
    message["Date"] = f"Mon, {1 + number % 28:02d} Jun 2026 10:{number % 60:02d}:00 +0200"
    message["Message-ID"] = f"<{seed}.{number}@example.org>"
    lines = [" ".join(dice.choices(_WORDS, k=9)) for _ in range(dice.randint(3, 25))]
    message.set_content("\n".join(lines) + "\n\n.\n..\nFrom here on, dots and Froms.\n", cte="quoted-printable")
    return message.as_bytes()


def with_attachment(
    number: int,
    size: int = 70_000,
    *,
    to: str = "anna@example.org",
    seed: int = 0,
    sender: str = "karl@example.org",
) -> bytes:
    """Text, HTML and a binary attachment with an accented file name."""
    dice = random.Random(f"attachment {seed}/{number}")
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Karl <{sender}>"
    message["To"] = to
    message["Subject"] = f"Attachment {number:04d} - pièce jointe"
    message["Date"] = "Tue, 02 Jun 2026 08:00:00 +0000"
    message["Message-ID"] = f"<attachment.{seed}.{number}@example.org>"
    message.set_content("Voilà the file.\n")
    message.add_alternative("<p>Voilà <b>the</b> file.</p>\n", subtype="html")
    message.add_attachment(
        dice.randbytes(size), maintype="application", subtype="octet-stream", filename="relevé d'été.bin"
    )
    return message.as_bytes()
