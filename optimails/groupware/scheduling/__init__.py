"""Invitations, answers, changes and cancellations between calendars (iTIP, RFC 5546; RFC 6638), once for every head.

api.py           values: messages, what became of them, who carries those for people elsewhere
messages.py      a message from its text
people.py        calendar users as texts name them
objects.py       a calendar object by its recurrences; when they happen
rules.py         recurrence rules that mean the same
editing.py       changing single lines of a text
drafts.py        messages before it is known where their recipients are
organizer.py     what the organizer's changes send
attendee.py      what an attendee's changes send, and which are not his
proposals.py     other times that attendees propose
incoming.py      what a message does to the recipient's object, and whether it may
invited.py       the same, to an attendee's
answers.py       the same, to the organizer's
planning.py      what storing or deleting an object leads to, by the owner's role in it
outbox.py        messages in the account's file until they are delivered
inbox.py         those that came, and where invitations go
pending.py       which accounts have messages that wait
users.py         where calendar users are
writing.py       changes with their messages, in one transaction
receiving.py     what a message changes, in one transaction
booking.py       whether a room or equipment takes a meeting
resources.py     rooms and equipment answer by themselves
scheduler.py     all of it, as the rest of the service sees it

Down to planning.py it is pure: texts in, texts out; and so is booking.py.
"""
