"""python-caldav's own examination of a server (runs in .venv-clients): what it asks for, and what it found.

Arguments: URL, CA file, then login and password of each user; the first is examined, the others are invited.
"""

import ast
import json
import logging
import sys

from caldav_server_tester.checker import ServerQuirkChecker

import caldav

url, ca_file, *logins = sys.argv[1:]
logging.disable(logging.CRITICAL)
first, *others = (
    caldav.DAVClient(url=url, username=login, password=password, ssl_verify_cert=ca_file)
    for login, password in zip(logins[::2], logins[1::2], strict=True)
)
examination = ServerQuirkChecker(first, extra_clients=others)
examination.check_all()
examination.cleanup(force=True)
found = ast.literal_eval(examination.report(return_what="hints"))
sys.stdout.write(json.dumps({name: seen.get("support", "") for name, seen in found.items()}))
