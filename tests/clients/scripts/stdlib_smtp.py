"""Submission with smtplib.

Arguments: host, port, tls (implicit or starttls), CA file, login, password, recipient, mail file.
"""

import json
import smtplib
import ssl
import sys
from pathlib import Path

host, port, tls, ca_file, login, password, recipient, mail = sys.argv[1:]
context = ssl.create_default_context(cafile=ca_file)
seen: dict[str, object] = {}
if tls == "implicit":
    smtp = smtplib.SMTP_SSL(host, int(port), timeout=30, context=context)
else:
    smtp = smtplib.SMTP(host, int(port), timeout=30)
    smtp.ehlo()
    smtp.starttls(context=context)
smtp.ehlo()
seen["features"] = sorted(smtp.esmtp_features)
seen["mail before auth"] = smtp.docmd("MAIL", f"FROM:<{login}>")[0]
smtp.rset()
smtp.login(login, password)
seen["refused"] = smtp.sendmail(login, [recipient], Path(mail).read_bytes())
smtp.quit()
sys.stdout.write(json.dumps(seen))
