"""A user's session with imaplib: prints as JSON what he saw.

Arguments: host, port, CA file, login, password, mail file.
"""

import imaplib
import json
import re
import ssl
import sys
from pathlib import Path

host, port, ca_file, login, password, mail = sys.argv[1:]
content = Path(mail).read_bytes()
seen: dict[str, object] = {}

imap = imaplib.IMAP4(host, int(port), timeout=30)
seen["starttls offered"] = "STARTTLS" in imap.capabilities
imap.starttls(ssl.create_default_context(cafile=ca_file))
imap.login(login, password)


def ok(answer: tuple) -> list:
    if answer[0] != "OK":
        raise SystemExit(f"refused: {answer}")
    return answer[1]


seen["capabilities"] = ok(imap.capability())[0].decode().split()
ok(imap.create('"Caf&AOk- &- Co"'))
ok(imap.append('"Caf&AOk- &- Co"', "(\\Flagged $Work)", '"17-Jul-1996 02:44:25 -0700"', content))
ok(imap.subscribe('"Caf&AOk- &- Co"'))
seen["listed"] = [line.decode() for line in ok(imap.list('""', "*")) if line]
seen["subscribed"] = [line.decode() for line in ok(imap.lsub('""', "*")) if line]
seen["count"] = int(ok(imap.select('"Caf&AOk- &- Co"'))[0])
header, body = ok(imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))[0]
seen["size"] = int(re.search(rb"RFC822.SIZE (\d+)", header)[1])
seen["date"] = re.search(rb'INTERNALDATE "([^"]+)"', header)[1].decode()
seen["flags"] = sorted(set(re.search(rb"FLAGS \(([^)]*)", header)[1].decode().split()) - {"\\Recent"})
seen["identical"] = body == content
seen["found"] = [
    ok(imap.search(None, *criteria))[0].decode()
    for criteria in (
        ["FLAGGED"],
        ["UNFLAGGED"],
        ["KEYWORD", "$Work"],
        ["SUBJECT", '"Message"'],
        ["SUBJECT", '"absent"'],
    )
]
ok(imap.store("1", "+FLAGS", "(\\Seen)"))
ok(imap.copy("1", "Archive"))
ok(imap.store("1", "+FLAGS", "(\\Deleted)"))
seen["expunged"] = [line.decode() for line in ok(imap.expunge()) if line]
seen["left"] = ok(imap.search(None, "ALL"))[0].decode()
ok(imap.close())
ok(imap.rename('"Caf&AOk- &- Co"', '"Caf&AOk-"'))
ok(imap.delete('"Caf&AOk-"'))
seen["quota"] = [part.decode() for answer in ok(imap.getquotaroot("INBOX")) for part in answer if part]
seen["wrong folder"] = imap.select("Nowhere")[0]
imap.logout()
sys.stdout.write(json.dumps(seen))
