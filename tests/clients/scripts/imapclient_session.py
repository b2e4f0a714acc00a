"""A user's session with IMAPClient (runs in .venv-clients).

Arguments: host, imaps port, CA file, login, password, mail file.
"""

import json
import ssl
import sys
import threading
from pathlib import Path

from imapclient import DELETED, FLAGGED, SEEN, IMAPClient

host, port, ca_file, login, password, mail = sys.argv[1:]
content = Path(mail).read_bytes()
context = ssl.create_default_context(cafile=ca_file)
seen: dict[str, object] = {}


def connect() -> IMAPClient:
    client = IMAPClient(host, int(port), ssl_context=context, timeout=30)
    client.login(login, password)
    return client


first, second = connect(), connect()
folder = "Été/Ça & là ✓"
first.create_folder(folder)
seen["folders"] = [name for _, _, name in first.list_folders()]
seen["trash"] = first.find_special_folder(b"\\Trash")
seen["append"] = first.append(folder, content, flags=[FLAGGED]).decode()
first.select_folder(folder)
(uid,) = first.search(["FLAGGED"])
data = first.fetch([uid], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "BODY.PEEK[]", "INTERNALDATE"])[uid]
envelope = data[b"ENVELOPE"]
seen["subject"] = envelope.subject.decode()
seen["from"] = [envelope.from_[0].mailbox.decode(), envelope.from_[0].host.decode()]
seen["multipart"] = data[b"BODYSTRUCTURE"].is_multipart
seen["size"] = data[b"RFC822.SIZE"]
seen["identical"] = data[b"BODY[]"] == content

# What one session does, the other hears while it idles.
second.select_folder("INBOX")
second.idle()
sender = threading.Thread(target=lambda: first.append("INBOX", content))
sender.start()
heard: list[object] = []
for _ in range(20):
    heard += second.idle_check(timeout=1)
    if any(b"EXISTS" in line for line in heard):
        break
sender.join()
second.idle_done()
seen["idle"] = any(b"EXISTS" in line for line in heard)

first.move([uid], "Archive")
seen["left"] = first.search()
first.select_folder("Archive")
(moved,) = first.search()
first.add_flags([moved], [SEEN, b"$Forwarded"])
seen["flags"] = sorted(flag.decode() for flag in first.get_flags([moved])[moved] if flag != b"\\Recent")
first.add_flags([moved], [DELETED])
first.uid_expunge([moved])
seen["archive"] = first.search()
quota = first.get_quota()
seen["quota"] = [[entry.resource, entry.usage, entry.limit] for entry in quota]
first.rename_folder(folder, "Übrig")
first.subscribe_folder("Übrig")
seen["subscribed"] = [name for _, _, name in first.list_sub_folders()]
first.unsubscribe_folder("Übrig")
first.delete_folder("Übrig")
seen["exists"] = first.folder_exists("Übrig")
seen["status"] = {key.decode(): value for key, value in first.folder_status("INBOX", ["MESSAGES", "UNSEEN"]).items()}
first.logout()
second.logout()
sys.stdout.write(json.dumps(seen))
