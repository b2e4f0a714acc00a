"""A message that its sender wants delivered later, through the real service and its restart."""

import pytest

from tests.scenarios.queue.conftest import Pair
from tests.scenarios.queue.test_two_servers import inbox
from tests.support.eventually import eventually


@pytest.mark.slow
def test_it_waits_in_the_queue_for_recipients_here_and_there(pair: Pair) -> None:
    with pair.submission() as smtp:
        smtp.ehlo("laptop")
        assert smtp.has_extn("futurerelease")
        smtp.sendmail(
            pair.sender, ["user00@example.org", pair.sender], f"From: {pair.sender}\r\nSubject: later\r\n\r\nx\r\n",
            mail_options=["HOLDFOR=864000"],
        )  # fmt: skip
    assert [row["state"] for row in pair.waiting()] == ["scheduled", "scheduled"]
    pair.here.kill()
    pair.here.start()
    pair.here.optimails("queue", "flush", "--all")
    waiting = pair.waiting()
    assert [(row["state"], row["attempts"]) for row in waiting] == [("scheduled", 0)] * 2
    assert inbox(pair.here, pair.sender) == []
    pair.here.optimails("queue", "release", waiting[0]["message"])
    assert eventually(lambda: len(inbox(pair.here, pair.sender)) == 1, limit=60), pair.here.output()
    assert eventually(lambda: len(inbox(pair.there, "user00@example.org")) == 1, limit=60), pair.here.output()
    assert eventually(pair.empty, limit=30)
