"""Sieve: the script language (``language``, ``run``: pure), and ManageSieve (``wire``, ``session``, ``server``)."""
