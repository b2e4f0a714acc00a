"""Calendars and contacts over DAV, on Radicale. Nothing is here yet."""
