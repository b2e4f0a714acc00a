"""IMAPClient, in its own environment."""

import json
import subprocess
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import run

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "scripts" / "imapclient_session.py"


@pytest.fixture(scope="module")
def python() -> Path:
    made = subprocess.run([ROOT / "scripts" / "setup-clients"], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"MISSING .venv-clients: {made.stderr}")
    return ROOT / ".venv-clients" / "bin" / "python"


def test_a_session(python: Path, peer: Peer, user: MailUser, control: Control, tmp_path: Path) -> None:
    mail = tmp_path / "mail"
    mail.write_bytes(messages.with_attachment(7))
    seen = json.loads(
        run(python, SCRIPT, peer.host, str(peer.ports["imaps"]), peer.ca_file, user.login, user.password, mail).stdout
    )
    assert "Été/Ça & là ✓" in seen["folders"]
    assert seen["trash"] == "Trash"
    assert "APPENDUID" in seen["append"]
    assert str(make_header(decode_header(seen["subject"]))) == "Attachment 0007 - pièce jointe"
    assert seen["from"] == ["karl", "example.org"]
    assert seen["multipart"]
    assert seen["size"] == mail.stat().st_size
    assert seen["identical"]
    assert seen["idle"]
    assert seen["left"] == []
    assert seen["flags"] == ["$Forwarded", "\\Flagged", "\\Seen"]
    assert seen["archive"] == []
    assert any(resource == "STORAGE" and usage > 0 for resource, usage, _ in seen["quota"])
    assert "Übrig" in seen["subscribed"]
    assert not seen["exists"]
    assert seen["status"] == {"MESSAGES": 1, "UNSEEN": 1}
    assert control.contents() == [mail.read_bytes()]
