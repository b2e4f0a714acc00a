"""Calendars and mail: invitations that leave and arrive (RFC 6047), and reminders.

wording.py    times and recurrences in words
summary.py    an iTIP message in words
letter.py     the same as a mail
outgoing.py   messages for people elsewhere, into the queue
failures.py   those that came back
carried.py    what a mail carries, and in whose name it speaks
proof.py      whether it comes from there
intake.py     delivered mail: noted for the calendar, or left alone
copies.py     copies of that for delegates
arrivals.py   what was noted, on its way into calendars
reminders.py  reminders by mail
inboxes.py    copies for delegates of what came without a mail
runner.py     the last three at work
"""
