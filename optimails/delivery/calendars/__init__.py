"""Calendars and mail: invitations that leave and arrive (RFC 6047), and reminders.

wording.py    times and recurrences in words
summary.py    an iTIP message in words
letter.py     the same as a mail
"""
