"""The demo: a small company with three accounts, some weeks of mail, and everything printed that one needs to log in."""
