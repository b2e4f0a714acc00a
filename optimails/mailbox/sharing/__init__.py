"""Mailboxes of others: one user's view of his own mail and of everything that is shared with him.

``shared_mail`` is that view; every way into somebody else's mailbox passes ``visit``, which asks for the right, and
writes the audit log. ``neighbours`` finds what is shared, ``guarded`` is a selected mailbox of somebody else, and
``filing`` puts messages into it; ``crossing`` carries them between accounts, ``control`` changes who may do what,
``places`` says how it is called.
"""
