"""Collecting: mail is fetched from users' accounts with other providers into their mailboxes here.

``store`` keeps the sources and what was fetched, ``pop3`` and ``imap`` speak to the far server over ``wire``, ``visit``
carries messages over, and ``runner`` decides whose turn it is.
"""
