"""Filters that stand in line with us and speak the milter protocol: rspamd, OpenDKIM, clamav-milter and others.

``wire`` has the bytes, ``dialogue`` what is said to one filter and what its answers mean, ``changes`` what it may do
to a message, ``macros`` what it is told beside; none of them knows a socket. ``link`` is the connection, ``chain`` asks
one filter after the other.
"""
