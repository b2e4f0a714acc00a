"""The processes that ``test_kill`` kills: one puts messages into the queue, one runs it.

actors.py accept FOLDER LEDGER SEED      acknowledges each message with a line: name, then its recipients
actors.py run FOLDER LEDGER SEED         a line for each delivery and report: word, process, name, address
"""

import asyncio
import os
import random
import sys
from pathlib import Path

from optimails.config.queue import QueueSettings
from optimails.model.address import EmailAddress
from optimails.queue.api import Job, Origin, Outbound, QueuedRecipient, RecipientResult, State
from optimails.queue.runner import Runner
from optimails.queue.store import Queue

SETTINGS = QueueSettings(
    retry_first=1, retry_factor=1, rest_first=1, messages_per_hour=0, messages_per_day=0, concurrency=8
)
SENDER = EmailAddress.parse("a@here.test")


class Ledger:
    """Lines that survive the death of their writer: each is one write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *words: str) -> None:
        os.write(self._file, " ".join(words).encode() + b"\n")


class DiceCourier:
    """Delivers most, refuses ``bad`` ones for good, puts off some; takes a moment before and after each."""

    def __init__(self, ledger: Ledger, dice: random.Random) -> None:
        self._ledger = ledger
        self._dice = dice

    async def deliver(self, job: Job) -> list[RecipientResult]:
        assert len(await asyncio.to_thread(job.content.read_bytes)) == job.size
        await asyncio.sleep(self._dice.uniform(0, 0.02))
        results = []
        for recipient in job.recipients:
            address = recipient.address
            if address.local.startswith("bad"):
                results.append(RecipientResult(address, State.FAILED, "5.1.1", "550 5.1.1 No such user", "mx"))
            elif self._dice.random() < 0.1:
                results.append(RecipientResult(address, State.DEFERRED, "4.2.0", "450 4.2.0 Later", "mx"))
            else:
                self._ledger.write("delivered", str(os.getpid()), job.message_id, str(address))
                results.append(RecipientResult(address, State.DELIVERED, "2.0.0", "250 Ok", "mx"))
        await asyncio.sleep(self._dice.uniform(0, 0.01))
        return results


class LedgerNotices:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def language(self, reader: EmailAddress) -> str:
        return "en"

    async def send(self, reader: EmailAddress, content: bytes) -> None:
        for line in content.split(b"\r\n"):
            if line.startswith(b"Final-Recipient: rfc822; "):
                self._ledger.write("reported", str(os.getpid()), "-", line.rpartition(b" ")[2].decode())


async def accept(queue: Queue, ledger: Ledger, dice: random.Random) -> None:
    async def one(number: int) -> None:
        name = f"{os.getpid()}-{number}"
        recipients = [
            f"{'bad' if dice.random() < 0.1 else 'good'}-{name}-{index}@d{dice.randrange(6)}.test"
            for index in range(dice.randrange(1, 4))
        ]
        outbound = Outbound(
            SENDER, tuple(QueuedRecipient(EmailAddress.parse(text)) for text in recipients), Origin.SUBMISSION
        )
        message = await queue.accept(outbound, [b"Subject: x\r\n\r\n", b"x" * dice.randrange(20_000)])
        ledger.write(message, *recipients)

    number = 0
    while True:
        await asyncio.gather(*(one(number + index) for index in range(4)))
        number += 4
        await asyncio.sleep(dice.uniform(0, 0.05))


async def main(role: str, folder: Path, path: Path, seed: int) -> None:
    dice = random.Random(seed)  # a test's dice
    queue, ledger = Queue(folder, SETTINGS), Ledger(path)
    if role == "accept":
        await accept(queue, ledger, dice)
    else:
        await Runner(queue, DiceCourier(ledger, dice), LedgerNotices(ledger), "here.test").run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
