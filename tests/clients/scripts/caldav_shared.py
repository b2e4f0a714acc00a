"""Calendars that others share with a user, with python-caldav (runs in .venv-clients).

Arguments: URL, CA file, login, password. What is found by itself is shown; an event is put into each that is another's.
"""

import json
import sys
from datetime import UTC, datetime, timedelta

import caldav

url, ca_file, login, password = sys.argv[1:]
client = caldav.DAVClient(url=url, username=login, password=password, ssl_verify_cert=ca_file)
start = datetime(2026, 11, 3, 9, tzinfo=UTC)
found: dict[str, list[str]] = {}
for calendar in client.principal().calendars():
    if "/shared-" in str(calendar.url):
        calendar.save_event(dtstart=start, dtend=start + timedelta(hours=1), summary="Seen by both")
        events = calendar.search(start=start, end=start + timedelta(days=1), event=True)
        found[calendar.get_display_name()] = [str(one.icalendar_component["summary"]) for one in events]
json.dump(found, sys.stdout)
