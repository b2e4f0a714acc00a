"""CalDAV and CardDAV: the door to calendars, address books and task lists (RFC 4791, 6352, 3744, 5689, 6578, 6764).

wire/            XML ⇄ values
session/         resources and their properties, one file for each family of methods
application.py   Radicale's application with our storage, log-in and rights, and our answers to its methods
mount.py         the same inside the web worker: who asks, how much, on which thread
"""
