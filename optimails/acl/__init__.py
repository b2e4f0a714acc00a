"""Rights, shared folders, delegation: who may do what with whose mailboxes, calendars, address books, task lists.

``decision`` decides, from values alone; ``bundles`` says the usual grants in rights. The directory keeps the values
(``optimails.directory.api.Rights``) and asks here.
"""
