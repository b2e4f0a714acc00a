"""A POP3 conversation: coroutines over the mailbox API, without I/O of their own.

``conversation.converse`` runs a whole session, ``table`` says which command is possible in which state, ``maildrop``
holds what the client sees of the INBOX, ``errors`` turns refusals into answers.
"""
