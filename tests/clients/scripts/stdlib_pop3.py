"""A user's session with poplib.

Arguments: host, port, tls (implicit or stls), CA file, login, password, folder for the mails.
"""

import json
import poplib
import ssl
import sys
from pathlib import Path

host, port, tls, ca_file, login, password, folder = sys.argv[1:]
context = ssl.create_default_context(cafile=ca_file)
if tls == "implicit":
    pop = poplib.POP3_SSL(host, int(port), timeout=30, context=context)
else:
    pop = poplib.POP3(host, int(port), timeout=30)
    pop.stls(context)
seen: dict[str, object] = {"capabilities": sorted(pop.capa())}
pop.user(login)
pop.pass_(password)
count, size = pop.stat()
seen |= {"count": count, "size": size}
seen["sizes"] = [int(line.split()[1]) for line in pop.list()[1]]
seen["uidl"] = [line.decode().split()[1] for line in pop.uidl()[1]]
seen["top"] = [line.decode("utf-8", "replace") for line in pop.top(1, 1)[1]]
for number in range(1, count + 1):
    Path(folder, str(number)).write_bytes(b"".join(line + b"\r\n" for line in pop.retr(number)[1]))
pop.dele(1)
seen["after dele"] = pop.stat()[0]
pop.rset()
seen["after rset"] = pop.stat()[0]
pop.dele(count)
pop.quit()
sys.stdout.write(json.dumps(seen))
