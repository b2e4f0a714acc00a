"""A user's calendars with python-caldav (runs in .venv-clients).

Arguments: URL, CA file, login, password. The URL is that of the host alone: the rest is discovered.
"""

import json
import sys
from datetime import UTC, datetime, timedelta

import caldav

url, ca_file, login, password = sys.argv[1:]
seen: dict[str, object] = {}
client = caldav.DAVClient(url=url, username=login, password=password, ssl_verify_cert=ca_file)
principal = client.principal()
seen["calendars"] = sorted(one.get_display_name() for one in principal.calendars())
work = principal.make_calendar(name="Travail & co", supported_calendar_component_set=["VEVENT", "VTODO"])
start = datetime(2026, 11, 3, 9, tzinfo=UTC)
event = work.save_event(
    dtstart=start, dtend=start + timedelta(hours=1), summary="Réunion", rrule={"FREQ": "DAILY", "COUNT": 3}
)
work.save_event(dtstart=start + timedelta(days=40), dtend=start + timedelta(days=40, hours=1), summary="Later")
found = work.search(start=start - timedelta(days=1), end=start + timedelta(days=7), event=True, expand=False)
seen["found"] = [str(one.icalendar_component["summary"]) for one in found]
expanded = work.search(start=start, end=start + timedelta(days=7), event=True, expand=True)
seen["expanded"] = [one.icalendar_component["dtstart"].dt.isoformat() for one in expanded]
seen["by text"] = len(work.search(event=True, summary="Réun"))
task = work.save_todo(summary="Call", due=start)
seen["pending"] = [str(one.icalendar_component["summary"]) for one in work.todos()]
task.complete()
seen["pending after"] = len(work.todos())
token = work.objects_by_sync_token(load_objects=False).sync_token
event.icalendar_component["summary"] = "Autre"
event.save()
task.delete()
changes = work.objects_by_sync_token(sync_token=token, load_objects=False)
seen["changes"] = len(list(changes))
seen["renamed"] = str(work.event_by_uid(str(event.icalendar_component["uid"])).icalendar_component["summary"])
busy = work.freebusy_request(start, start + timedelta(days=1))
seen["busy"] = "20261103T090000Z/20261103T100000Z" in busy.data
people = [f"mailto:{login}", "mailto:mia@example.net"]
planned = principal.freebusy_request(start, start + timedelta(days=1), people)
seen["refused"] = planned.pop("errors")
seen["planned"] = {who: "20261103T090000Z/20261103T100000Z" in one.data for who, one in planned.items()}
work.delete()
seen["left"] = sorted(one.get_display_name() for one in principal.calendars())
sys.stdout.write(json.dumps(seen))
