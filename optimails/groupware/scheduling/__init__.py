"""Invitations, answers, changes and cancellations between calendars (iTIP, RFC 5546; RFC 6638), once for every head.

api.py           values: messages, what became of them, who carries those for people elsewhere
messages.py      a message from its text
outbox.py        messages in the account's file until they are delivered
"""
