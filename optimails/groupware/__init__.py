"""Calendars, address books and task lists: the one API that every head uses. Blocking; call it from a thread.

api.py           values: kinds, collections, items, limits
service.py       opens accounts, keeps the last used ones open
account.py       one account: its collections and items
text.py          lines and components of iCalendar and vCard
moments.py       dates, times, durations, periods
zones.py         time zones by name or by their definition, Outlook's included
recurrence.py    recurrence rules, within a budget
calendar.py      one calendar object, checked; its occurrences
card.py          one vCard, checked
extract.py       what of an item goes into the tables beside it
alarms.py        when alarms ring
watch.py         notes when an account is to be looked at
work.py          what the jobs worker is to do: accounts to look at, messages that came by mail
filters.py       what CalDAV and CardDAV filters mean for one text
search.py        the same for a collection, from the tables where they know
freebusy.py      when somebody is busy
attending.py     what somebody answered to invitations, where it says when he is busy
availability.py  working hours: when somebody may be asked at all
hours.py         where an account keeps them
publishing.py    what is read under secret addresses
colleagues.py    when other people are busy, as far as who asks may know
expanding.py     texts with recurrences written out, or in part
transfer.py      whole collections in and out
attachments.py   files that belong to events and tasks
undelete.py      what was deleted, and bringing it back
visited.py       how an account shows what others share with it
doctor.py        do tables and texts agree
"""
