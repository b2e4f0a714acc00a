"""The demo: a small company with three accounts and some weeks of mail; how to log in is printed."""
